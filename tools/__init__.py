"""Tools of the repository: the pages of the site, the notebooks' outputs, the results and their figure."""
