package password

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/crypto/blake2b"
)

// params are the costs of one hash (RFC 9106, section 3.1). The parallelism is always 1.
type params struct {
	memory uint32 // in KiB, so also the number of blocks; at least 8
	passes uint32
}

// block is one KiB of working memory.
type block [128]uint64

// Constants of RFC 9106, section 3.
const (
	version    = 0x13
	typeID     = 2 // Argon2id
	slices     = 4 // per pass
	pauseEvery = 64
)

// derive returns an Argon2id tag of size bytes, at most 64, for one lane (RFC 9106). It works in memory, which must
// have p.memory blocks with any content, and calls pause every pauseEvery blocks. golang.org/x/crypto/argon2 computes
// the same, but allocates its memory on each call and can't pause, so on one core everything else would wait for it.
func derive(memory []block, p params, password, salt []byte, size uint32, pause func()) []byte {
	memory = memory[:p.memory/slices*slices]
	start := seed(p, password, salt, size)
	for i := range uint32(2) {
		expand(&memory[i], start, i)
	}
	f := filling{memory: memory, p: p, segment: uint32(len(memory)) / slices, pause: pause}
	for pass := range p.passes {
		for slice := range uint32(slices) {
			f.fill(pass, slice)
		}
	}
	last := make([]byte, 0, 1024+4)
	last = binary.LittleEndian.AppendUint32(last, size)
	for _, word := range memory[len(memory)-1] {
		last = binary.LittleEndian.AppendUint64(last, word)
	}
	tag, err := blake2b.New(int(size), nil)
	if err != nil {
		panic("password: the size of a tag is a constant: " + err.Error())
	}
	tag.Write(last)
	return tag.Sum(nil)
}

// seed returns H0 (section 3.2, step 1).
func seed(p params, password, salt []byte, size uint32) []byte {
	var b []byte
	for _, n := range []uint32{1, size, p.memory, p.passes, version, typeID} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	for _, part := range [][]byte{password, salt, nil, nil} { // no secret value, no associated data
		b = binary.LittleEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	sum := blake2b.Sum512(b)
	return sum[:]
}

// expand fills one of the first two blocks from H0 with the hash function H' (section 3.3).
func expand(b *block, start []byte, index uint32) {
	in := binary.LittleEndian.AppendUint32(nil, uint32(len(b)*8))
	in = append(in, start...)
	in = binary.LittleEndian.AppendUint32(in, index)
	in = binary.LittleEndian.AppendUint32(in, 0) // the lane
	sum := blake2b.Sum512(in)
	words := b[:]
	for len(words) > 8 { // H' takes the first half of each digest but the last
		for i := range 4 {
			words[i] = binary.LittleEndian.Uint64(sum[8*i:])
		}
		words = words[4:]
		sum = blake2b.Sum512(sum[:])
	}
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(sum[8*i:])
	}
}

// filling is the state of one hash while its memory is filled.
type filling struct {
	memory  []block
	p       params
	segment uint32 // blocks in a slice
	pause   func()
}

// fill computes the blocks of one slice (section 3.2, steps 5 and 6).
//
//go:norace
func (f *filling) fill(pass, slice uint32) {
	independent := pass == 0 && slice < slices/2 // data-independent addressing (section 3.4.1.3)
	var addresses, counter, zero block
	counter = block{uint64(pass), 0, uint64(slice), uint64(len(f.memory)), uint64(f.p.passes), typeID}
	next := func() {
		counter[6]++
		compress(&addresses, &counter, &zero, false)
		compress(&addresses, &addresses, &zero, false)
	}
	first := uint32(0)
	if pass == 0 && slice == 0 {
		first = 2
		next()
	}
	for i := first; i < f.segment; i++ {
		at := slice*f.segment + i
		previous := at - 1
		if at == 0 {
			previous = uint32(len(f.memory)) - 1
		}
		random := f.memory[previous][0]
		if independent {
			if i%uint32(len(addresses)) == 0 {
				next()
			}
			random = addresses[i%uint32(len(addresses))]
		}
		reference := f.reference(pass, slice, i, uint32(random))
		compress(&f.memory[at], &f.memory[previous], &f.memory[reference], pass > 0)
		if at%pauseEvery == 0 {
			f.pause()
		}
	}
}

// reference maps 32 random bits to the index of a block that may be referenced (section 3.4.2): any block of the
// other three slices (in the first pass, of the slices before this one), and those of this slice except the previous
// block.
//
//go:norace
func (f *filling) reference(pass, slice, i, random uint32) uint32 {
	area, start := (slices-1)*f.segment, (slice+1)%slices*f.segment
	if pass == 0 {
		area, start = slice*f.segment, 0
	}
	area += i - 1
	x := uint64(random) * uint64(random) >> 32
	y := uint64(area) * x >> 32
	return uint32((uint64(start) + uint64(area) - 1 - y) % uint64(len(f.memory)))
}

// compress applies G (section 3.5) to x and y and writes the result to to, or XORs it in if mix is set. All three may
// be the same block.
//
//go:norace
func compress(to, x, y *block, mix bool) {
	var r, z block
	for i := range r {
		r[i] = x[i] ^ y[i]
	}
	z = r
	for i := 0; i < len(z); i += 16 {
		permute(&z[i], &z[i+1], &z[i+2], &z[i+3], &z[i+4], &z[i+5], &z[i+6], &z[i+7],
			&z[i+8], &z[i+9], &z[i+10], &z[i+11], &z[i+12], &z[i+13], &z[i+14], &z[i+15])
	}
	for i := 0; i < 16; i += 2 {
		permute(&z[i], &z[i+1], &z[i+16], &z[i+17], &z[i+32], &z[i+33], &z[i+48], &z[i+49],
			&z[i+64], &z[i+65], &z[i+80], &z[i+81], &z[i+96], &z[i+97], &z[i+112], &z[i+113])
	}
	if mix {
		for i := range r {
			to[i] ^= r[i] ^ z[i]
		}
		return
	}
	for i := range r {
		to[i] = r[i] ^ z[i]
	}
}

// permute is P (section 3.6), a round of BLAKE2b whose additions also multiply. It is unrolled because it takes
// nearly all of the time and the compiler would not inline its larger parts.
//
//go:norace
func permute(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15 *uint64) {
	v0, v1, v2, v3, v4, v5, v6, v7 := *p0, *p1, *p2, *p3, *p4, *p5, *p6, *p7
	v8, v9, v10, v11, v12, v13, v14, v15 := *p8, *p9, *p10, *p11, *p12, *p13, *p14, *p15

	v0, v12 = mix(v0, v4, v12, -32)
	v8, v4 = mix(v8, v12, v4, -24)
	v0, v12 = mix(v0, v4, v12, -16)
	v8, v4 = mix(v8, v12, v4, -63)
	v1, v13 = mix(v1, v5, v13, -32)
	v9, v5 = mix(v9, v13, v5, -24)
	v1, v13 = mix(v1, v5, v13, -16)
	v9, v5 = mix(v9, v13, v5, -63)
	v2, v14 = mix(v2, v6, v14, -32)
	v10, v6 = mix(v10, v14, v6, -24)
	v2, v14 = mix(v2, v6, v14, -16)
	v10, v6 = mix(v10, v14, v6, -63)
	v3, v15 = mix(v3, v7, v15, -32)
	v11, v7 = mix(v11, v15, v7, -24)
	v3, v15 = mix(v3, v7, v15, -16)
	v11, v7 = mix(v11, v15, v7, -63)

	v0, v15 = mix(v0, v5, v15, -32)
	v10, v5 = mix(v10, v15, v5, -24)
	v0, v15 = mix(v0, v5, v15, -16)
	v10, v5 = mix(v10, v15, v5, -63)
	v1, v12 = mix(v1, v6, v12, -32)
	v11, v6 = mix(v11, v12, v6, -24)
	v1, v12 = mix(v1, v6, v12, -16)
	v11, v6 = mix(v11, v12, v6, -63)
	v2, v13 = mix(v2, v7, v13, -32)
	v8, v7 = mix(v8, v13, v7, -24)
	v2, v13 = mix(v2, v7, v13, -16)
	v8, v7 = mix(v8, v13, v7, -63)
	v3, v14 = mix(v3, v4, v14, -32)
	v9, v4 = mix(v9, v14, v4, -24)
	v3, v14 = mix(v3, v4, v14, -16)
	v9, v4 = mix(v9, v14, v4, -63)

	*p0, *p1, *p2, *p3, *p4, *p5, *p6, *p7 = v0, v1, v2, v3, v4, v5, v6, v7
	*p8, *p9, *p10, *p11, *p12, *p13, *p14, *p15 = v8, v9, v10, v11, v12, v13, v14, v15
}

// mix is a quarter of GB (section 3.6).
//
//go:norace
func mix(a, b, d uint64, turn int) (uint64, uint64) {
	a += b + 2*uint64(uint32(a))*uint64(uint32(b))
	return a, bits.RotateLeft64(d^a, turn)
}
