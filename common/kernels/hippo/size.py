"""The sizes that the matrices accept."""


def check_size(n: int, *, even: bool = False) -> None:
    """Raises ValueError for a size below 1, or an odd one where states come in pairs."""
    if n < 1:
        raise ValueError(f"n is {n}; a HiPPO matrix needs a size of at least 1")
    if even and n % 2:
        raise ValueError(f"n is {n}; a Fourier basis pairs cosines with sines and needs an even n")
