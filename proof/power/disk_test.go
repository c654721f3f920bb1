package main

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// Each byte of a disk after a cut is one that was written to it: the last one that was
// flushed, or a later one; and with sectors it is all of a sector or nothing of it.
func TestDiskKeepsWhatWasFlushed(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	const sectors = 16
	older, lost := 0, 0 // how often a sector was neither the last nor the flushed one, and not the last
	for range 300 {
		d := newRoom(0).add("d", sectors*sector)
		var flushed [sectors]int // which write of the sector was flushed
		var written [sectors][]byte
		for i := range written {
			written[i] = []byte{0}
		}
		for n := byte(1); n < 60; n++ {
			if rng.IntN(8) == 0 {
				if err := d.sync(); err != nil {
					t.Fatal(err)
				}
				for i := range flushed {
					flushed[i] = len(written[i]) - 1
				}
				continue
			}
			from := rng.IntN(sectors)
			count := 1 + rng.IntN(sectors-from)
			if err := d.write(int64(from*sector), bytes.Repeat([]byte{n}, count*sector)); err != nil {
				t.Fatal(err)
			}
			for i := from; i < from+count; i++ {
				written[i] = append(written[i], n)
			}
		}
		d.room.cut(d)
		d.fail()
		d.restore(rng)
		seen, err := d.read(0, sectors*sector)
		if err != nil {
			t.Fatal(err)
		}
		for i := range sectors {
			got := seen[i*sector : (i+1)*sector]
			at := bytes.IndexByte(written[i], got[0])
			if !bytes.Equal(got, bytes.Repeat(got[:1], sector)) || at < flushed[i] {
				t.Fatalf("seed %d: sector %d holds % x..., written were % x, of which %d was flushed", seed, i, got[:4], written[i], flushed[i])
			}
			if last := len(written[i]) - 1; at < last {
				lost++
				if at > flushed[i] {
					older++
				}
			}
		}
	}
	if lost == 0 || older == 0 {
		t.Errorf("seed %d: %d writes were lost, %d of them with one before that stayed: the cache forgets too little", seed, lost, older)
	}
}

// A request that comes without power is answered when the machine's processes have
// been killed, and then with an error; nothing of it is there afterwards.
func TestDiskWithoutPowerAnswersNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newRoom(time.Millisecond).add("d", 4*sector)
		rng := rand.New(rand.NewPCG(1, 0))
		answers := make(chan error, 3)
		go func() { answers <- d.sync() }() // under way at the cut
		synctest.Wait()
		d.room.cut(d)
		go func() { answers <- d.write(0, []byte{1}) }()
		go func() {
			_, err := d.read(0, 1)
			answers <- err
		}()
		<-time.After(time.Hour) // of the bubble
		synctest.Wait()
		if len(answers) > 0 {
			t.Fatalf("answered without power: %v", <-answers)
		}
		d.fail()
		for range 3 {
			if err := <-answers; !errors.Is(err, errNoPower) {
				t.Errorf("the answer is %v", err)
			}
		}
		d.restore(rng)
		if got, err := d.read(0, 1); err != nil || got[0] != 0 {
			t.Errorf("read %v, %v", got, err)
		}
	})
}
