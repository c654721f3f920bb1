// Package submit makes tasks of flags, of a payload and of lines, and submits many
// at a time, for "ha task submit".
package submit
