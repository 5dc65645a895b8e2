// Reads JSON lines {"id","text"} and writes, for each text in which some reading
// of it would fetch from, or link to, a host other than the two allowed ones, a
// line {"id","reading","url"}. Readings: Markdown with HTML and linkifying on,
// Markdown with HTML off, and the text taken as HTML.
import { createInterface } from 'node:readline';
import MarkdownIt from 'markdown-it';
import { parse } from 'parse5';

const base = 'https://chat.example/c/1';
const allowed = new Set(['chat.example', 'docs.example.com']);
const readings = {
  markdown: (() => { const md = new MarkdownIt({ html: true, linkify: true }); md.validateLink = () => true; return (t) => md.render(t); })(),
  safe: (() => { const md = new MarkdownIt({ html: false, linkify: true }); return (t) => md.render(t); })(),
  commonmark: (() => { const md = new MarkdownIt('commonmark', { html: true }); md.validateLink = () => true; return (t) => md.render(t); })(),
  html: (t) => t,
};
const urlAttributes = new Set(['href', 'src', 'action', 'formaction', 'data', 'poster', 'background', 'cite', 'longdesc', 'ping', 'manifest', 'codebase', 'classid', 'archive', 'usemap', 'profile', 'dynsrc', 'lowsrc', 'icon', 'code', 'from', 'to', 'values', 'by']);

function bad(url) {
  let u;
  try { u = new URL(url, base); } catch { return false; }
  if (u.protocol === 'mailto:') return false;
  if (['http:', 'https:', 'ftp:', 'ws:', 'wss:'].includes(u.protocol)) return !allowed.has(u.hostname);
  return true; // javascript:, data:, blob:, file: and whatever an application registered
}

function cssUrls(css) {
  const out = [];
  for (const m of css.matchAll(/url\(\s*['"]?([^'")]*)|@import\s+['"]([^'"]*)/gi)) out.push(m[1] ?? m[2]);
  return out;
}

function* urls(node) {
  for (const { name, value } of node.attrs ?? []) {
    if (urlAttributes.has(name)) yield* name === 'ping' ? value.split(/\s+/) : [value];
    else if (name === 'srcset' || name === 'imagesrcset') for (const part of value.split(',')) yield part.trim().split(/\s+/)[0];
    else if (name === 'style') yield* cssUrls(value);
    else if (name === 'content' && node.tagName === 'meta') { const m = value.match(/url\s*=\s*['"]?([^'"]*)/i); if (m) yield m[1]; }
    else if (/^on/.test(name)) yield 'javascript:' + value;
  }
  if (node.tagName === 'script') yield 'javascript:script';
  if (node.tagName === 'style') for (const c of node.childNodes) yield* cssUrls(c.value ?? '');
  for (const child of [...(node.childNodes ?? []), ...(node.content ? [node.content] : [])]) yield* urls(child);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, text } = JSON.parse(line);
  for (const [reading, render] of Object.entries(readings)) {
    for (const url of urls(parse(render(text)))) {
      if (bad(url)) process.stdout.write(JSON.stringify({ id, reading, url }) + '\n');
    }
  }
}
process.stdout.write('{"done":true}\n');
