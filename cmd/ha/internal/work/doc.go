// Package work is what the workers of the command do: they sleep, or they run a
// program for each task.
package work
