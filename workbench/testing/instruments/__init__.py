"""What checks ask with: guarded arrays, kernels run alone, slopes, made-up records, the reading of machine code."""
