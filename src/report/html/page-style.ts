/** What every page has; colours keep a contrast of 4.5 with their ground in light and dark. */
export const PAGE_STYLE = `
:root{--ground:#fff;--text:#1b1b1f;--soft:#5a5a66;--line:#d5d5dd;--link:#0b57a4;
--identical:#17663a;--equivalent:#6a5200;--different:#a3171c;--inconclusive:#5b3f9b;--failed:#3b3b45}
@media (prefers-color-scheme:dark){:root{--ground:#16161a;--text:#ececf1;--soft:#a9a9b6;--line:#3a3a44;--link:#8ec2ff;
--identical:#1d7a46;--equivalent:#7d6200;--different:#c2262c;--inconclusive:#7252bd;--failed:#5c5c69}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--ground);color:var(--text);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.25rem;margin:2rem 0 .5rem}h3{font-size:1.05rem;margin:1.25rem 0 .5rem}
h4{font-size:1rem;margin:1rem 0 .25rem}
p{margin:.25rem 0}header p,.legend{color:var(--soft)}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.scroll{overflow-x:auto}
table{border-collapse:collapse}th,td{padding:.25rem .5rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:600;overflow-wrap:normal}
.cell{display:inline-block;min-width:1.75rem;height:1.75rem;line-height:1.75rem;border-radius:.25rem;text-align:center;
color:#fff;text-decoration:none;font-weight:700;overflow:hidden;vertical-align:middle}
.identical{background:var(--identical)}.equivalent{background:var(--equivalent)}.different{background:var(--different)}
.inconclusive{background:var(--inconclusive)}.failed{background:var(--failed)}
.legend{list-style:none;padding:0;margin:.5rem 0;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;font-size:.875rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:.5rem 0}dt{color:var(--soft)}dd{margin:0}
code{font:.875em ui-monospace,monospace}
.problem{border-left:4px solid var(--different);padding:.25rem .75rem;margin:.5rem 0}
.paths{padding-left:1.25rem}
summary{cursor:pointer;padding:.25rem 0}
@media (max-width:40rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}body{padding:.75rem}}
`
