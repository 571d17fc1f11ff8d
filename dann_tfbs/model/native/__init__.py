"""The backbone as a kernel in C++, built for one layout on the machine that runs it."""
