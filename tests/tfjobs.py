"""The TFJob manifests in deploy/, and what Kubeflow's training operator makes of them. Imports no TensorFlow."""

from collections.abc import Callable

import yaml
from helpers import REPOSITORY

FOLDER = REPOSITORY / "deploy"
NAMES = sorted(path.name for path in FOLDER.glob("tfjob-*.yaml"))


def read(name):
    """The one document in a file of deploy/."""
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def replicas(manifest):
    """{job: its replica spec}, with the job's name in TF_CONFIG."""
    return {name.lower(): spec for name, spec in manifest["spec"]["tfReplicaSpecs"].items()}


def container(spec):
    """The container of a replica spec that gets TF_CONFIG."""
    (found,) = [one for one in spec["template"]["spec"]["containers"] if one["name"] == "tensorflow"]
    return found


def service(manifest) -> Callable[[str, int], str]:
    """How the operator makes the address of a job's task: each pod has a service of its name."""

    def address(job, index):
        (port,) = [one for one in container(replicas(manifest)[job])["ports"] if one["name"] == "tfjob-port"]
        return f"{manifest['metadata']['name']}-{job}-{index}.default.svc:{port['containerPort']}"

    return address


def tf_configs(manifest, addresses):
    """{(job, index): TF_CONFIG, as an object} of all pods of a TFJob.

    Args:
      addresses: called with (job, index), returns the task's address: service(manifest), or another machine's.
    """
    sizes = {job: spec["replicas"] for job, spec in replicas(manifest).items()}
    # The evaluator has an address, but is not in the cluster.
    cluster = {
        job: [addresses(job, index) for index in range(size)] for job, size in sizes.items() if job != "evaluator"
    }
    return {
        (job, index): {"cluster": cluster, "task": {"type": job, "index": index}, "environment": "cloud"}
        for job, size in sizes.items()
        for index in range(size)
    }


def arguments(manifest):
    """What follows `cnn-estimator` in the command of each pod."""
    (found,) = {tuple(container(spec)["args"]) for spec in replicas(manifest).values()}
    return list(found)
