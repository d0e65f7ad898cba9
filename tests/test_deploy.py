"""deploy/: each pod of the manifests is a task that training takes, with flags that exist, on the claimed volume."""

import json
import pathlib
import re

import pytest
import tfjobs
from helpers import REPOSITORY, command

import cnn_estimator
from cnn_estimator.data.datasets import DATASETS
from cnn_estimator.distributed import tf_config

pytestmark = pytest.mark.unit


def flags(manifest):
    """{name: argument} of a manifest's command."""
    verb, *arguments = tfjobs.arguments(manifest)
    assert verb == "train"
    return {re.match(r"--(\w+)(=|$)", argument)[1]: argument for argument in arguments}


@pytest.fixture(params=tfjobs.NAMES)
def manifest(request):
    return tfjobs.read(request.param)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("tfjob-multi-worker.yaml", {"chief": 1, "worker": 2}),
        ("tfjob-ps.yaml", {"chief": 1, "worker": 2, "ps": 1, "evaluator": 1}),
    ],
)
def test_each_pod_is_a_task_of_the_cluster(name, sizes):
    manifest = tfjobs.read(name)
    strategy = flags(manifest).get("strategy", "--strategy=").partition("=")[2] or None
    configs = tfjobs.tf_configs(manifest, tfjobs.service(manifest))
    assert [*configs] == [(job, index) for job, size in sizes.items() for index in range(size)]
    for (job, index), config in configs.items():
        task = tf_config.read_task(strategy, {"TF_CONFIG": json.dumps(config)})
        assert (task.job, task.index, task.workers, task.is_chief) == (job, index, 3, job == "chief")
        assert task.chief_address == f"{manifest['metadata']['name']}-chief-0.default.svc:2222"


def test_the_flags_exist(manifest):
    defined = set(re.findall(r"^\s+--(?:\[no\])?(\w+)", command("train", "--help").stdout, re.MULTILINE))
    given = flags(manifest)
    assert given.keys() <= defined
    done = command("train", *given.values(), "--help")
    assert done.stderr == ""


def test_the_model_dir_is_on_the_claim_and_each_job_has_its_own():
    claim = tfjobs.read("models-claim.yaml")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    folders = []
    for manifest in map(tfjobs.read, tfjobs.NAMES):
        folders.append(pathlib.PurePosixPath(flags(manifest)["model_dir"].partition("=")[2]))
        for spec in tfjobs.replicas(manifest).values():
            (volume,) = spec["template"]["spec"]["volumes"]
            (mount,) = tfjobs.container(spec)["volumeMounts"]
            assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
            assert mount["name"] == volume["name"]
            assert str(folders[-1].parent) == mount["mountPath"]
    assert len({*folders}) == len(tfjobs.NAMES)


def test_pods_are_restarted_by_their_exit_status_and_have_time_to_save(manifest):
    evaluates = "evaluator" in tfjobs.replicas(manifest)  # the last checkpoint too, when the chief has finished
    assert manifest["spec"]["runPolicy"]["cleanPodPolicy"] == ("None" if evaluates else "Running")
    for spec in tfjobs.replicas(manifest).values():
        assert spec["restartPolicy"] == "ExitCode"
        assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= 60


def test_a_run_has_the_threads_of_its_cpus(manifest):
    for spec in tfjobs.replicas(manifest).values():
        resources = tfjobs.container(spec)["resources"]
        assert f"--threads={resources['limits']['cpu']}" == flags(manifest)["threads"]
        assert resources["limits"] == resources["requests"]


def test_the_image_is_that_of_the_dockerfile(manifest):
    dockerfile = (tfjobs.FOLDER / "Dockerfile").read_text(encoding="utf-8")
    image = f"cnn-estimator:{cnn_estimator.__version__}"
    assert f"docker build -f deploy/Dockerfile -t {image} ." in dockerfile
    user = int(re.search(r"^USER (\d+)$", dockerfile, re.MULTILINE)[1])
    assert user > 0
    assert 'ENTRYPOINT ["cnn-estimator"]' in dockerfile
    for spec in tfjobs.replicas(manifest).values():
        assert tfjobs.container(spec)["image"] == image
        assert "command" not in tfjobs.container(spec)
        assert spec["template"]["spec"]["securityContext"] == {"runAsNonRoot": True, "fsGroup": user}


def test_the_dockerfile_copies_what_there_is_and_installs_the_data():
    dockerfile = (tfjobs.FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert f"install -y --no-install-recommends {DATASETS['fashion_mnist'].package.fetch[-1]} " in dockerfile
    for sources in re.findall(r"^COPY (.*) \S+$", dockerfile, re.MULTILINE):
        assert all((REPOSITORY / source).exists() for source in sources.split())
