package record

import (
	"bytes"
	"testing"
)

// TestDecoderLeavesNothingBehind: a record that is read into the struct of another one
// is the same as one that is read into an empty struct.
func TestDecoderLeavesNothingBehind(t *testing.T) {
	all := samples()
	for _, before := range all {
		for _, r := range all {
			if before.Type() != r.Type() {
				continue
			}
			var d Decoder
			d.Reset(encode(before, r), nil)
			for _, want := range []Record{before, r} {
				got, size, err := d.Next()
				if err != nil {
					t.Fatal(err)
				}
				if b := encode(want); size != len(b) || !bytes.Equal(encode(got), b) {
					t.Errorf("after %+v\ngot  %+v, %d bytes\nwant %+v", before, got, size, want)
				}
			}
			if d.More() {
				t.Error("there is a third record")
			}
		}
	}
}

// TestUnknownReasonKeepsTheEntry: a reason that no version knows is a bug of whoever set
// it. It must not cost the records before it.
func TestUnknownReasonKeepsTheEntry(t *testing.T) {
	var b Buffer
	b.Add(&Elected{At: noon, Epoch: 1, Node: "d1"})
	before := bytes.Clone(b.Bytes())
	b.Add(&TaskMoved{Task: 1, Fate: Fate{Next: Pending, Reason: reasons}})
	if !bytes.HasPrefix(b.Bytes(), before) || b.Size() == len(before) {
		t.Errorf("got %x, want more than %x", b.Bytes(), before)
	}
}
