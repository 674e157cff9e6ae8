"""Softmax of a row: a_k = e^z_k / sum_j e^z_j, shifted by the largest z so that nothing overflows."""

import math

from workbench import Activation, hookimpl


def softmax(z, a):
    largest = z[0]
    for k in range(1, len(z)):
        largest = max(largest, z[k])
    for k in range(len(z)):
        a[k] = math.exp(z[k] - largest)
    total = a[0]
    for k in range(1, len(z)):
        total += a[k]
    for k in range(len(z)):
        a[k] /= total


def derivative(grad_a, z, a, grad_z):
    mean = grad_a[0] * a[0]
    for k in range(1, len(a)):
        mean += grad_a[k] * a[k]
    for k in range(len(a)):
        grad_z[k] = a[k] * (grad_a[k] - mean)


@hookimpl
def register_activations():
    return [Activation("softmax", softmax, derivative, row=True)]
