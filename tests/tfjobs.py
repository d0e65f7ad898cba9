"""The TFJob manifests in deploy/, and the TF_CONFIG that Kubeflow's operator writes for their pods.

Imports no TensorFlow.
"""

import yaml
from helpers import REPOSITORY

FOLDER = REPOSITORY / "deploy"


def read(name):
    """Returns the one document in a file of deploy/."""
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def replicas(manifest):
    """Returns {job: replica spec}, with the jobs' names in TF_CONFIG."""
    return {name.lower(): spec for name, spec in manifest["spec"]["tfReplicaSpecs"].items()}


def container(spec):
    """Returns the container of a replica spec that gets TF_CONFIG."""
    (container,) = [each for each in spec["template"]["spec"]["containers"] if each["name"] == "tensorflow"]
    return container


def service(manifest):
    """Returns a function of (job, index) that returns the task's address: each pod has a service of its name."""

    def address(job, index):
        ports = container(replicas(manifest)[job])["ports"]
        (port,) = [each["containerPort"] for each in ports if each["name"] == "tfjob-port"]
        return f"{manifest['metadata']['name']}-{job}-{index}.default.svc:{port}"

    return address


def tf_configs(manifest, address):
    """Returns {(job, index): TF_CONFIG, as an object} of all pods of a TFJob.

    Args:
      address: a function of (job, index) that returns the task's address: service(manifest), or another machine's.
    """
    tasks = [(job, index) for job, spec in replicas(manifest).items() for index in range(spec["replicas"])]
    cluster = {}
    for job, index in tasks:
        if job != "evaluator":  # the evaluator has an address, but is not in the cluster
            cluster.setdefault(job, []).append(address(job, index))
    return {
        (job, index): {"cluster": cluster, "task": {"type": job, "index": index}, "environment": "cloud"}
        for job, index in tasks
    }


def arguments(manifest):
    """Returns the arguments of cnn-estimator, which are the same in every pod."""
    (arguments,) = {tuple(container(spec)["args"]) for spec in replicas(manifest).values()}
    return list(arguments)
