"""The runs on other hosts: started over ssh, watched there, and ended with this run."""
