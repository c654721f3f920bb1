//go:build !linux

package main

import (
	"context"
	"errors"
	"io"
)

// tidyWord is not used here.
const tidyWord = "tidy-up-after"

var errNotLinux = errors.New("this is not Linux")

type place struct{ dir string }

func supported() error                         { return errNotLinux }
func newPlace(context.Context) (*place, error) { return nil, errNotLinux }
func (p *place) owns(string) error             { return errNotLinux }
func (p *place) close() error                  { return nil }
func tidyMain(string, io.Writer) int           { return 1 }

type shelf struct{ dir string }

func mountShelf(string, *room) (*shelf, error) { return nil, errNotLinux }
func (s *shelf) close() error                  { return nil }
