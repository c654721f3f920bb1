package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain is something else if the proof started it as that.
func TestMain(m *testing.M) {
	if status, word := other(os.Args); word {
		os.Exit(status)
	}
	goleak.VerifyTestMain(m)
}

// hosts returns a network, or skips the test and says so.
func hosts(t *testing.T, names ...string) *network {
	t.Helper()
	if err := supported(); err != nil {
		fmt.Fprintf(os.Stderr, "NOT TESTED: %s needs network namespaces, and there are none here: %v\n", t.Name(), err)
		t.Skipf("there are no network namespaces here: %v", err)
	}
	n, err := newNetwork(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// mailbox receives datagrams on a host.
func mailbox(t *testing.T, h *host) net.PacketConn {
	t.Helper()
	var box net.PacketConn
	err := inside(h.space, func() (err error) {
		box, err = new(net.ListenConfig).ListenPacket(t.Context(), "udp", h.address+":0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	return box
}

// arrives reports whether what is sent from one mailbox arrives at another. If it is wanted to, it is sent
// again until it does: a link takes a moment to be up.
func arrives(t *testing.T, from, to net.PacketConn, text string, wanted bool) bool {
	t.Helper()
	for begun := time.Now(); ; {
		if _, err := from.WriteTo([]byte(text), to.LocalAddr()); err != nil {
			t.Fatalf("the sender is told: %v", err)
		}
		if received(t, to, text) {
			return true
		}
		if !wanted || time.Since(begun) > patience {
			return false
		}
	}
}

// received reports whether the text is in the mailbox, or soon is. What was sent before is thrown away.
func received(t *testing.T, at net.PacketConn, text string) bool {
	t.Helper()
	if err := at.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 100)
	for {
		n, _, err := at.ReadFrom(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		if string(buffer[:n]) == text {
			return true
		}
	}
}

// TestCutsHaveOneWay: what is dropped is dropped in silence, on that way alone, until it is healed.
func TestCutsHaveOneWay(t *testing.T) {
	n := hosts(t, "a", "b", "c")
	boxes := map[string]net.PacketConn{}
	for _, h := range n.hosts {
		boxes[h.name] = mailbox(t, h)
	}
	check := func(when string, cut ...way) {
		t.Helper()
		for from, sender := range boxes {
			for to, receiver := range boxes {
				if from == to {
					continue
				}
				want := !slices.Contains(cut, way{from, to})
				if got := arrives(t, sender, receiver, when+from+to, want); got != want {
					t.Errorf("%s: what %s sends to %s arrives: %v", when, from, to, got)
				}
			}
		}
	}
	check("whole")
	for _, w := range []way{{"a", "b"}, {"c", "b"}} {
		if err := n.drop(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	check("cut", way{"a", "b"}, way{"c", "b"})
	if err := n.pass(t.Context(), way{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	check("healed", way{"c", "b"})
}

func TestSortsCutWhatTheySay(t *testing.T) {
	all := []string{"n1", "n2", "n3", field}
	wanted := map[string][]way{
		"out":     {{"n2", "n1"}, {"n2", "n3"}},
		"in":      {{"n1", "n2"}, {"n3", "n2"}},
		"two-way": {{"n2", "n1"}, {"n2", "n3"}, {"n1", "n2"}, {"n3", "n2"}},
		"pair":    {{"n2", "n1"}, {"n1", "n2"}},
		"host":    {{"n2", "n1"}, {"n2", "n3"}, {"n1", "n2"}, {"n3", "n2"}, {"n2", field}, {field, "n2"}},
		"each":    {{"n2", "n1"}, {"n2", "n3"}, {"n1", "n2"}, {"n3", "n2"}, {"n1", "n3"}, {"n3", "n1"}},
	}
	for _, s := range sorts {
		t.Run(s.name, func(t *testing.T) {
			got, want := s.ways("n2", [2]string{"n1", "n3"}), wanted[s.name]
			for _, from := range all {
				for _, to := range all {
					if w := (way{from, to}); slices.Contains(got, w) != slices.Contains(want, w) {
						t.Errorf("%v is cut: %v", w, slices.Contains(got, w))
					}
				}
			}
		})
	}
}

func TestTheOneIsCutThatWasAskedFor(t *testing.T) {
	names := []string{"n1", "n2", "n3"}
	rng := rand.New(rand.NewPCG(1, 0))
	seen := map[string]int{}
	for range 200 {
		if target, rest := choose(names, "n2", true, rng); target != "n2" || rest[0] == rest[1] || slices.Contains(rest[:], "n2") {
			t.Fatalf("of the leader n2: %s apart from %v", target, rest)
		}
		target, rest := choose(names, "n2", false, rng)
		if target == "n2" || rest[0] == target || rest[1] != "n2" {
			t.Fatalf("of another than n2: %s apart from %v", target, rest)
		}
		seen[target]++
	}
	if len(seen) != 2 {
		t.Errorf("only %v were cut", seen)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-cuts", "0"}, {"-hold", "0.5s"}, {"-hold", "11m"}, {"-watch", "0"}, {"-ha", "/nowhere/at/all"}, {"-scenario", "three-way"}, {"more"},
	} {
		var out, progress bytes.Buffer
		err := new(options).program().Run(t.Context(), args, &out, &progress)
		if err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, %s", args, err, &out)
		}
	}
}
