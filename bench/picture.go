package main

import (
	"fmt"
	"html"
	"strings"
)

// Sizes in the picture, in pixels.
const (
	pictureWidth = 880
	lineHeight   = 24
	barHeight    = 14
	barsFrom     = 400
	barsTo       = 780 // what stands beyond is the number at the longest bar
)

// style has colours for light and dark, after the system of whoever looks.
const style = `<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.number { font-variant-numeric: tabular-nums }
.ground { fill: #fff }
.other { fill: #afb8c1 }
.ours { fill: #2563eb }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ground { fill: #0d1117 } .other { fill: #57606a } .ours { fill: #60a5fa } }
</style>
`

// draw is a picture of all rows, each a bar as long as its throughput.
func draw(measured []line) string {
	longest := 1.0
	for _, l := range measured {
		longest = max(longest, l.perSecond)
	}
	var b strings.Builder
	height := lineHeight * (len(measured) + 1)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" role="img" aria-label="Requests per second of each row">`+"\n%[3]s<rect class=\"ground\" width=\"100%%\" height=\"100%%\"/>\n",
		pictureWidth, height, style)
	for i, l := range measured {
		class := "other"
		if l.server == ours || l.server == checking || l.server == checkingSocket {
			class = "ours"
		}
		top := lineHeight/2 + i*lineHeight
		base := top + lineHeight/2 + 4
		length := l.perSecond / longest * (barsTo - barsFrom)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, barsFrom-10, base, html.EscapeString(l.name()))
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`, class, barsFrom, top+(lineHeight-barHeight)/2, max(length, 1), barHeight)
		fmt.Fprintf(&b, `<text class="number" x="%.1f" y="%d">%s</text>`+"\n", barsFrom+length+8, base, l.rate())
	}
	b.WriteString("</svg>\n")
	return b.String()
}
