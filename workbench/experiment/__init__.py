"""One run, and many: config -> data + learner -> fit -> result, journalled as it happens."""
