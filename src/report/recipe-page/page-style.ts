/** Of this page alone; white text has a contrast of 4.5 on every tile, in light and dark. */
export const RECIPE_STYLE = `
:root{--base:#2b5c94;--apt:#17663a;--pip:#6b3fa0;--git:#0b6570;--file:#7a4a10;--project:#a02060;--run:#a3301c;--generated:#55555f;--unknown:#3b3b45}
.k-base,.k-account{background:var(--base)}.k-apt{background:var(--apt)}.k-pip{background:var(--pip)}.k-git{background:var(--git)}
.k-file{background:var(--file)}.k-project{background:var(--project)}.k-run,.k-steps{background:var(--run)}
.k-generated{background:var(--generated)}.k-unknown{background:var(--unknown)}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:.75rem 0}
nav a,.trail a,.list a{display:inline-block;padding:.15rem 0}
.trail{list-style:none;padding:0;margin:.5rem 0;display:flex;flex-wrap:wrap}
.trail li+li::before{content:"›";margin:0 .5rem;color:var(--soft)}
.sizes{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:1rem;align-items:start}
.map{position:relative;height:34rem;border-radius:.25rem;overflow:hidden}
.tile{position:absolute;border:1px solid var(--ground);padding:0;margin:0;color:#fff;font:inherit;text-align:left;cursor:pointer;overflow:hidden}
.tile[aria-disabled]{cursor:default}
.tile:focus-visible{outline:3px solid #fff;outline-offset:-5px;box-shadow:inset 0 0 0 2px #000;z-index:1}
.label{position:absolute;left:.35rem;right:.2rem;top:.1rem;font-size:.8125rem;font-weight:600;line-height:1.25;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.label small{display:block;overflow:hidden;text-overflow:ellipsis;font-size:.75rem;font-weight:400}
.inner{position:absolute;display:block;padding:0 .2rem;font-size:.6875rem;line-height:1.3;overflow:hidden;white-space:nowrap;text-overflow:ellipsis;
background:rgba(0,0,0,.24);border:1px solid rgba(255,255,255,.28)}
.tile:not([aria-disabled]):hover{box-shadow:inset 0 0 0 2px #fff}
.list{max-height:34rem;overflow:auto}
.list table{width:100%}.list th[scope=row]{font-weight:400;overflow-wrap:anywhere}
thead th{position:sticky;top:0;background:var(--ground)}
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.swatch{display:inline-block;width:.8rem;height:.8rem;border-radius:.15rem;margin-right:.5rem}
.words{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden;margin-left:1.3rem}
.place{display:flex;flex-wrap:wrap;gap:0 1rem;align-items:baseline}
thead button{font:inherit;font-weight:600;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-decoration:underline dotted}
[aria-sort=descending] button::after{content:" ↓"}[aria-sort=ascending] button::after{content:" ↑"}
.cards td,.cards th{overflow-wrap:break-word}.cards code{overflow-wrap:anywhere}
.soft{color:var(--soft);font-size:.875rem}
[data-label=part]{white-space:nowrap}
#packages .scroll{max-height:40rem;overflow:auto}
input{font:inherit;padding:.4rem .5rem;width:100%;max-width:24rem;border:1px solid var(--soft);border-radius:.25rem;background:var(--ground);color:var(--text)}
pre{margin:.25rem 0 .75rem;padding:.5rem .75rem;border:1px solid var(--line);border-radius:.25rem;overflow-x:auto}
.severity{font-weight:600}
[hidden]{display:none!important}
@media (max-width:52rem){.sizes{grid-template-columns:minmax(0,1fr)}.map{height:22rem}.list{max-height:28rem}}
@media (max-width:40rem){th,td{padding:.25rem .3rem;font-size:.875rem}
.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.cards,.cards tbody{display:block}.cards tr{display:block;border-bottom:1px solid var(--line);padding:.35rem 0}
.cards th,.cards td{display:flex;border:0;text-align:left;white-space:normal;gap:.5rem}.cards td:empty{display:none}
.cards td::before{content:attr(data-label);color:var(--soft);flex:0 0 6rem}}
@media (prefers-reduced-motion:no-preference){.tile{animation:come .15s}@keyframes come{from{opacity:.3}}}
@media print{.map{display:none}.list,[data-label=part]{white-space:nowrap}
#packages .scroll{max-height:none}}
`
