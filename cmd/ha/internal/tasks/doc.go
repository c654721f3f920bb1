// Package tasks is what the commands on tasks have in common: their flags, their
// client, and what is done for each of many tasks.
package tasks
