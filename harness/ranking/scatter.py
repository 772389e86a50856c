"""How far a method's seeds scatter, estimated from all methods together, because three seeds alone say little.

If the methods' variances differ by no more than chance explains, they are pooled into one, with the degrees of freedom
of all seeds together. Otherwise each is drawn towards the usual variance (moderated t: G. K. Smyth, Linear models and
empirical Bayes methods, Stat. Appl. Genet. Mol. Biol. 3 (2004)), but never below the mean of all, so that a few seeds
that agree by chance are not mistaken for certainty. The prior is a scaled inverse chi-square distribution, fitted by
maximum likelihood; Akaike's criterion decides whether it is needed (H. Akaike, IEEE Trans. Autom. Control 19, 1974).
"""

from collections.abc import Sequence

import numpy as np

from .intervals import Array, Sample

# The grid of the fit: the prior's degrees of freedom, and the logarithm of its variance relative to the mean.
PRIOR_FREEDOMS = np.geomspace(0.5, 200, 25)[:, None, None]
PRIOR_LOG_RATIOS = np.linspace(-4.0, 0.5, 46)[None, :, None]
AKAIKE_PENALTY = 1.0  # in log-likelihood, for one more parameter


def shared(samples: Sequence[Sample]) -> tuple[Array, Array]:
    """The variance of the means of each method's seeds, and its degrees of freedom.

    A method without scatter keeps a variance of 0. A single seed, which shows no scatter, gets the usual variance, or
    keeps the assumed one if no method shows any.
    """
    return together(np.array([one.scatter for one in samples]), np.array([one.freedom for one in samples]))


def together(variances: Array, freedoms: Array) -> tuple[Array, Array]:
    """``shared``, for variances with these degrees of freedom, which are infinite if a variance is assumed or known."""
    shown = (variances > 0) & np.isfinite(freedoms)
    if not shown.any():
        return variances, freedoms
    scattered = variances > 0
    known, degrees = np.where(shown, variances, 0.0), np.where(shown, freedoms, 0.0)
    mean, total = float(degrees @ known / degrees.sum()), float(degrees.sum())
    usual = _usual(known[shown], degrees[shown], mean)
    if usual is None:
        return np.where(scattered, mean, 0.0), np.where(scattered, total, np.inf)
    value, worth = usual
    drawn = np.maximum((worth * value + degrees * known) / (worth + degrees), mean)
    return np.where(scattered, drawn, 0.0), np.where(scattered, worth + degrees, np.inf)


def _usual(variances: Array, degrees: Array, mean: float) -> tuple[float, float] | None:
    """The usual variance and the prior's degrees of freedom; ``None`` if one variance fits all."""
    from scipy.special import betaln, gammaln  # imported here: its 0.1 seconds must not delay listing the runs

    half, ratio = degrees / 2, np.log(variances / mean) - PRIOR_LOG_RATIOS
    one = half * (ratio + np.log(half)) - gammaln(half) - half * np.exp(ratio)
    share = degrees / PRIOR_FREEDOMS
    many = half * (ratio + np.log(share)) - (half + PRIOR_FREEDOMS / 2) * np.log1p(share * np.exp(ratio))
    many = (many - betaln(half, PRIOR_FREEDOMS / 2)).sum(axis=-1)
    if many.max() <= one.sum(axis=-1).max() + AKAIKE_PENALTY:
        return None
    row, column = np.unravel_index(many.argmax(), many.shape)
    return mean * float(np.exp(PRIOR_LOG_RATIOS[0, column, 0])), float(PRIOR_FREEDOMS[row, 0, 0])
