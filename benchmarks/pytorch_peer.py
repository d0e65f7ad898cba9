"""PyTorch, the same layers, eager and with its images' channels last: python benchmarks/pytorch_peer.py train"""

import time

import measuring
import torch
from measuring import BATCH, LEARNING_RATE, SEED, Task
from torch import nn


def build() -> nn.Module:
    """Returns three_conv_dropout with new weights: images [B, 1, 28, 28] -> logits [B, 10]."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),  # [B, 32, 14, 14]
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),  # [B, 64, 7, 7]
        nn.Dropout(0.25),
        nn.Conv2d(64, 128, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),  # [B, 128, 3, 3]
        nn.Dropout(0.25),
        nn.Flatten(),  # [B, 1152]
        nn.Linear(1152, 1024),
        nn.ReLU(),
        nn.Dropout(0.4),
        nn.Linear(1024, 10),
    ).to(memory_format=torch.channels_last)


def load(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the images and labels as the network and its loss take them, without a copy of the images."""
    images, labels = map(torch.from_numpy, measuring.load(split))
    return images[:, None].contiguous(memory_format=torch.channels_last), labels.long()


def autocast(task: Task) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=task.precision == "bfloat16")


def train(task: Task) -> dict[str, float]:
    torch.manual_seed(SEED)
    images, labels = load("train")
    order = torch.randperm(len(labels))
    network = build().train()
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, fused=True)
    cross_entropy = nn.CrossEntropyLoss()

    def step(number: int) -> None:
        rows = order[measuring.batch_of(number, len(labels))]
        with autocast(task):
            loss = cross_entropy(network(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    found = {"steps_per_second": measuring.steps_per_second(step, task.size), "peak_mb": measuring.peak_mb()}
    if task.model:
        torch.save(network.state_dict(), task.model)
    return found


def evaluate(task: Task) -> dict[str, float]:
    started = time.perf_counter()
    images, labels = load("test")
    network = build().eval()
    network.load_state_dict(torch.load(task.model))
    with torch.inference_mode(), autocast(task):
        hits = sum(
            int((network(images[start : start + BATCH]).argmax(1) == labels[start : start + BATCH]).sum())
            for start in range(0, len(labels), BATCH)
        )
    return {"seconds": time.perf_counter() - started, "accuracy": hits / len(labels)}


if __name__ == "__main__":
    measuring.main(train=train, evaluate=evaluate)
