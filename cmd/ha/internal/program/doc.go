// Package program runs a program of any kind for each task: the payload on its
// standard input, the result from its standard output, its exit status and
// standard error as the failure.
//
// A program runs in a process group of its own. Whatever is left of the group
// when the program has ended, or when the task is cancelled, is told to end and
// then killed. If the worker itself is killed, which it cannot help, a guard
// kills the groups: a small shell that outlives it.
//
// A process that leaves its group on purpose, as daemons do, is found on Linux alone:
// by the tree of processes while its parent lives, and afterwards among the children of
// this process, which is the reaper of its descendants. Whose it is among several
// programs' is told by a mark in its environment; one without the mark is ended when one
// program alone is left that it could be of. The guard knows such processes by the mark.
// Systems without process groups have none of this: there the program alone is killed.
package program
