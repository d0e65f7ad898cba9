# pip: gpflow==1.5.1 multipledispatch==1.0.0 pandas==3.1.1 pytz==2026.6
# run: --api=1
# prints: GPR: log likelihood -39\.09\d+, optimized -3\.16\d+; SVGP: -\d+\.\d+, after 100 steps -\d\d\.\d+
"""Fits Gaussian processes to a noisy curve: exactly with SciPy's optimizer, and sparsely with Adam."""

import gpflow
import numpy as np

random = np.random.RandomState(0)
x = random.rand(30, 1)
y = np.sin(12 * x) + 0.66 * np.cos(25 * x) + random.randn(30, 1) * 0.1 + 3
exact = gpflow.models.GPR(
    x, y, kern=gpflow.kernels.Matern52(1, lengthscales=0.3), mean_function=gpflow.mean_functions.Constant()
)
exact.likelihood.variance = 0.1
likelihoods = [exact.compute_log_likelihood()]
gpflow.train.ScipyOptimizer().minimize(exact, maxiter=50)
likelihoods.append(exact.compute_log_likelihood())
sparse = gpflow.models.SVGP(
    x, y, kern=gpflow.kernels.RBF(1), likelihood=gpflow.likelihoods.Gaussian(), Z=x[:10].copy(), minibatch_size=10
)
likelihoods.append(sparse.compute_log_likelihood())
gpflow.train.AdamOptimizer(0.02).minimize(sparse, maxiter=100)
likelihoods.append(sparse.compute_log_likelihood())
text = "GPR: log likelihood {:.4f}, optimized {:.4f}; SVGP: {:.4f}, after 100 steps {:.4f}"
print(text.format(*likelihoods))
