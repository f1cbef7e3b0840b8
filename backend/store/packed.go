package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// maxUnpacked bounds what a packed value may become, in bytes.
const maxUnpacked = 8 << 20

// packed is JSON that the database keeps compressed with Zstandard (RFC 8878) if that makes it shorter; NULL for nil.
// JSON never begins like a frame of Zstandard, so the first byte tells them apart.
type packed []byte

// frameStart is the first byte of a Zstandard frame.
const frameStart = 0x28

// packer and unpacker compress and decompress whole values. Both may be used concurrently.
var (
	packer = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	})
	unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderLowmem(true))
	})
)

// pack returns a value as the database keeps it.
func pack(text json.RawMessage) (packed, error) {
	if text == nil {
		return nil, nil
	}
	encoder, err := packer()
	if err != nil {
		return nil, err
	}
	if shorter := encoder.EncodeAll(text, make([]byte, 0, len(text)+64)); len(shorter) < len(text) {
		return shorter, nil
	}
	return packed(text), nil
}

// unpack returns the JSON of a packed value.
func (p packed) unpack() (json.RawMessage, error) {
	if len(p) == 0 || p[0] != frameStart {
		return json.RawMessage(p), nil
	}
	decoder, err := unpacker()
	if err != nil {
		return nil, err
	}
	text, err := decoder.DecodeAll(p, nil)
	if err != nil {
		return nil, fmt.Errorf("store: a packed value: %w", err)
	}
	return text, nil
}

// unpackedSize returns how many bytes the value has unpacked.
func (p packed) unpackedSize() int {
	var frame zstd.Header
	if len(p) == 0 || p[0] != frameStart || frame.Decode(p) != nil || !frame.HasFCS {
		return len(p)
	}
	return int(frame.FrameContentSize)
}

// Value implements driver.Valuer.
func (p packed) Value() (driver.Value, error) {
	if p == nil {
		return nil, nil
	}
	return []byte(p), nil
}
