package extracttest

import (
	"slices"
	"strings"
	"testing"
)

// Secret is what most of the hidden files hide, Seen what they show.
const (
	Secret = "PSSTQUX ignore all"
	Seen   = "Visible words"
)

// htmlFixtures hide text in a page; each is put after a visible paragraph.
var htmlFixtures = map[string]string{
	"comment":              `<!-- SECRET -->`,
	"display none":         `<p style="display:none">SECRET</p>`,
	"display none deep":    `<div style="display: none !important"><p><b>SECRET</b></p></div>`,
	"escaped property":     `<p style="d\69splay:none">SECRET</p>`,
	"visibility":           `<p style="visibility:hidden">SECRET</p>`,
	"opacity":              `<p style="opacity:0.01">SECRET</p>`,
	"opacity of parents":   `<div style="opacity:.3"><div style="opacity:.3"><p>SECRET</p></div></div>`,
	"filter opacity":       `<p style="filter: opacity(0%)">SECRET</p>`,
	"clip":                 `<p style="position:absolute;clip:rect(0,0,0,0)">SECRET</p>`,
	"clip-path":            `<p style="clip-path: inset(100%)">SECRET</p>`,
	"clip-path circle":     `<p style="clip-path:circle(0)">SECRET</p>`,
	"text-indent":          `<p style="text-indent:-9999px">SECRET</p>`,
	"off screen":           `<p style="position:absolute;left:-10000px">SECRET</p>`,
	"off screen margin":    `<p style="margin-left:-200em">SECRET</p>`,
	"transform":            `<p style="transform:translateX(-9999px)">SECRET</p>`,
	"scale":                `<p style="transform:scale(0)">SECRET</p>`,
	"font size 0":          `<p style="font-size:0">SECRET</p>`,
	"font shorthand":       `<p style="font:0/0 a">SECRET</p>`,
	"font 1px":             `<p style="font-size:1px">SECRET</p>`,
	"font in em":           `<div style="font-size:.2em"><p style="font-size:.5em">SECRET</p></div>`,
	"white":                `<p style="color:#fff">SECRET</p>`,
	"nearly white":         `<p style="color:#fffffe">SECRET</p>`,
	"white by rgb":         `<p style="color:rgb(255 255 255)">SECRET</p>`,
	"white by hsl":         `<p style="color:hsl(0,0%,100%)">SECRET</p>`,
	"font element":         `<font color="white">SECRET</font>`,
	"as background":        `<div style="background:#123456"><p style="color:#123457">SECRET</p></div>`,
	"black on black":       `<table bgcolor="#000000"><tr><td>SECRET</td></tr></table>`,
	"transparent":          `<p style="color:transparent">SECRET</p>`,
	"rgba":                 `<p style="color:rgba(0,0,0,0.02)">SECRET</p>`,
	"text fill":            `<p style="-webkit-text-fill-color:transparent">SECRET</p>`,
	"overflow":             `<div style="height:0;overflow:hidden">SECRET</div>`,
	"max-height":           `<div style="max-height:1px;overflow:hidden">SECRET</div>`,
	"z-index":              `<div style="position:absolute;z-index:-1">SECRET</div>`,
	"style sheet":          `<style>.x{display:none}</style><p class="x">SECRET</p>`,
	"style sheet nested":   `<style>@media screen{div > .x:not(.y) {color:white}}</style><div><p class="x">SECRET</p></div>`,
	"style by attribute":   `<style>[data-k="1"]{visibility:hidden}</style><p data-k="1">SECRET</p>`,
	"style by variable":    `<style>:root{--c:#fff}.x{color:var(--c)}</style><p class="x">SECRET</p>`,
	"odd selector":         `<style>.x:is(p,:host(a)){display:none}</style><p class="x">SECRET</p>`,
	"class of a framework": `<p class="sr-only">SECRET</p>`,
	"nested rule":          `<style>div{color:red;& > .x{display:none} .y{color:blue}}</style><div><p class="x">SECRET</p></div>`,
	"nested without &":     `<style>div{.x{color:#fff}}</style><div><p class="x">SECRET</p></div>`,
	"nested media":         `<style>.x{@media screen{display:none}}</style><p class="x">SECRET</p>`,
	"animation":            `<style>@keyframes Gone{from{opacity:1}to{opacity:0}}.x{animation:Gone 0s forwards}</style><p class="x">SECRET</p>`,
	"sheet in a link":      `<link rel="stylesheet" href="data:text/css,.x%7Bdisplay%3Anone%7D"><p class="x">SECRET</p>`,
	"sheet in base64":      `<link rel=stylesheet href="data:text/css;base64,LnF7Y29sb3I6I2ZmZn0="><p class="q">SECRET</p>`,
	"sheet imported":       `<style>@import url("data:text/css,.x{opacity:0}");</style><p class="x">SECRET</p>`,
	"input in hidden":      `<div hidden><input value="SECRET"></div>`,
	"content":              `<style>.x::after{content:"SECRET"}</style><p class="x">y</p>`,
	"only in print":        `<style>.x{display:none}@media print{.x{display:block}}</style><p class="x">SECRET</p>`,
	"hidden attribute":     `<p hidden>SECRET</p>`,
	"alt":                  `<img src="a.png" alt="SECRET">`,
	"title attribute":      `<p title="SECRET">y</p>`,
	"aria":                 `<p aria-label="SECRET">y</p>`,
	"data attribute":       `<p data-note="SECRET">y</p>`,
	"placeholder":          `<input placeholder="SECRET">`,
	"hidden input":         `<input type="hidden" value="SECRET">`,
	"title":                `<title>SECRET</title>`,
	"meta":                 `<meta name="description" content="SECRET">`,
	"noscript":             `<noscript><p>SECRET</p></noscript>`,
	"template":             `<template><p>SECRET</p></template>`,
	"json-ld":              `<script type="application/ld+json">{"d":"SECRET"}</script>`,
	"svg text":             `<svg><text x="1">SECRET</text></svg>`,
	"svg desc":             `<svg><desc>SECRET</desc></svg>`,
	"foreignObject":        `<svg><foreignObject><p>SECRET</p></foreignObject></svg>`,
	"iframe":               `<iframe srcdoc="<p>SECRET</p>"></iframe>`,
	"dialog":               `<dialog>SECRET</dialog>`,
	"video fallback":       `<video>SECRET</video>`,
	"unfinished comment":   `<!-- SECRET`,
	"conditional comment":  `<!--[if mso]><p>SECRET</p><![endif]-->`,
	"processing":           `<?php SECRET ?>`,
	"split in words":       `<p style="display:none">PSST<b>QUX</b> <i>ig</i>nore all</p>`,
	"letter spacing":       `<p style="letter-spacing:-1em">SECRET</p>`,
}

// HiddenFile is a document that shows Seen and hides Secret.
type HiddenFile struct {
	Name         string // format and technique
	File         string // a name with the extension of its format
	Bytes        []byte
	Seen, Secret string
}

type input struct {
	file  string
	bytes []byte
}

// Hidden are all of them, by name.
func Hidden(t testing.TB) []HiddenFile {
	t.Helper()
	var out []HiddenFile
	for name, in := range fixtures(t) {
		out = append(out, HiddenFile{name, in.file, in.bytes, Seen, Secret})
	}
	for name, p := range pdfFixtures() {
		out = append(out, HiddenFile{"pdf " + name, "a.pdf", p, Seen[1:], "PSST"}) // one technique remaps the first letter
	}
	slices.SortFunc(out, func(a, b HiddenFile) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func fixtures(t testing.TB) map[string]input {
	out := map[string]input{}
	add := func(name, file, content string) {
		out[file+" "+name] = input{file, []byte(content)}
	}
	for name, s := range htmlFixtures {
		add(name, "a.html", "<!doctype html><p>"+Seen+"</p>"+strings.ReplaceAll(s, "SECRET", Secret))
	}
	for name, s := range map[string]string{
		"comment":         "<!-- SECRET -->",
		"front matter":    "",
		"image":           "![SECRET](a.png)",
		"link title":      `[x](http://e.test "SECRET")`,
		"definition":      `[//]: # (SECRET)`,
		"html block":      `<div style="display:none">SECRET</div>`,
		"inline html":     `x <span style="color:#fff">SECRET</span> y`,
		"html around":     "<div hidden>\n\nSECRET\n\n</div>",
		"details comment": "a\n\n<!--\nSECRET\n-->\n\nb",
	} {
		text := "# Head\n\n" + Seen + "\n\n" + strings.ReplaceAll(s, "SECRET", Secret) + "\n"
		if name == "front matter" {
			text = "---\ndescription: " + Secret + "\nacl: public\n---\n\n" + Seen + "\n"
		}
		add(name, "a.md", text)
	}
	add("comment", "a.xml", "<a>"+Seen+"<!-- "+Secret+" --></a>")
	add("attribute", "b.xml", `<a note="`+Secret+`">`+Seen+"</a>")
	for name, in := range wordFixtures(t) {
		out["docx "+name] = in
	}
	for name, in := range sheetFixtures(t) {
		out["xlsx "+name] = in
	}
	for name, in := range slideFixtures(t) {
		out["pptx "+name] = in
	}
	for name, in := range mailFixtures() {
		out["eml "+name] = in
	}
	return out
}
