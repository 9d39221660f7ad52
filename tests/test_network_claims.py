"""What the lecture says about LeNet, AlexNet and ILSVRC-2012, as chapter 6 shows it."""

import re

import numpy as np
import pytest
import torch
from torch import nn

import lecture5
from lecture5 import data, nets


@pytest.fixture(scope="module")
def read():
    """LeNet's scores for the test digits, and their labels."""
    images, labels = map(torch.from_numpy, data.digits("test"))
    with torch.no_grad():
        return nets.load("lenet5-digits")(images), labels, images


def test_lenet_reads_985_of_1000_digits(read):
    scores, labels, _ = read
    right = (scores.argmax(dim=1) == labels).float().mean().item()
    assert right >= 0.985
    assert right == pytest.approx(nets.card("lenet5-digits").test_score, abs=1e-4)


def test_most_mistakes_have_the_right_digit_as_their_second_guess(read):
    scores, labels, _ = read
    order = scores.argsort(dim=1, descending=True)
    wrong = order[:, 0] != labels
    assert (order[wrong, 1] == labels[wrong]).float().mean() > 0.5


def test_images_must_be_prepared_as_in_training(read):
    _, labels, images = read
    lenet = nets.load("lenet5-digits")
    assert nets.evaluate(lenet, (images / 4, labels))[1] > 0.97  # darker digits hardly matter,
    assert nets.evaluate(lenet, (1 - images, labels))[1] < 0.6  # black on white is another matter


def test_alexnets_parameters_sit_in_linear_maps_and_its_work_in_convolutions():
    with torch.device("meta"):
        costs = lecture5.layer_costs(nets.AlexNet(), (1, 3, 224, 224))
    linear = [row for row in costs if row.kind == "Linear"]
    convolutions = [row for row in costs if row.kind == "Conv2d"]
    assert costs.parameters == 61_100_840 == sum(row.parameters for row in linear + convolutions)
    assert linear[0].parameters == 37_752_832 > 0.6 * costs.parameters
    assert sum(row.parameters for row in linear) == 58_631_144
    assert sum(row.multiply_adds for row in convolutions) > 0.9 * costs.multiply_adds


def test_the_network_of_2012_has_60965224_parameters():
    """With torch's layers: two towers are groups of two, and the image has 227 × 227 pixels."""
    with torch.device("meta"):
        network = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=4),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, padding=2, groups=2),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.Conv2d(384, 384, 3, padding=1, groups=2),
            nn.Conv2d(384, 256, 3, padding=1, groups=2),
            nn.MaxPool2d(3, 2),
            nn.Flatten(),
            nn.Linear(9216, 4096),
            nn.Linear(4096, 4096),
            nn.Linear(4096, 1000),
        )
        assert network(torch.zeros(1, 3, 227, 227)).shape == (1, 1000)
    assert sum(p.numel() for p in network.parameters()) == 60_965_224


def test_the_table_of_ilsvrc_2012():
    """The slide's file names list seven and five networks, as many as the paper says it averaged."""
    first, second = "test-preds-141-146.2009-131-137-145-146.2011-145f.", "test-preds-131-137-145-135-145f.txt"
    assert [len(re.findall(r"-[0-9]{3}", name)) for name in (first, second)] == [7, 5]
    assert round(100 * (1 - 0.16422 / 0.26172)) == 37


def test_answers_of_the_chapter():
    assert sum(p.numel() for p in nets.LeNet5(num_classes=26).parameters()) == 61_706 + 1360 == 63_066
    scores = np.array([2.0, 1, -1])
    probabilities = np.exp(scores) / np.exp(scores).sum()
    assert probabilities.round(3).tolist() == [0.705, 0.259, 0.035]
    assert round(-np.log(probabilities[0]), 3) == 0.349
