"""Our distribution, and the commands that install what is missing."""
