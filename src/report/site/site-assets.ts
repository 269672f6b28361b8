/** All of the page's style; colours keep a contrast of 4.5 with their ground in light and dark. */
export const SITE_STYLE = `
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
.grid th,.grid td{padding:.15rem;border:0;text-align:center;vertical-align:middle}
.grid th[scope=row],.grid thead th:first-child{position:sticky;left:0;background:var(--ground);text-align:left;padding-right:.75rem;white-space:nowrap}
.grid thead th{font-size:.75rem;font-weight:400;color:var(--soft);white-space:nowrap}
.cell{display:inline-block;min-width:1.75rem;height:1.75rem;line-height:1.75rem;border-radius:.25rem;text-align:center;
color:#fff;text-decoration:none;font-weight:700;overflow:hidden;vertical-align:middle}
a.cell,.cell.none{display:block;min-width:2.75rem;height:2.75rem;line-height:2.75rem}
.cell.none{border:1px dashed var(--line)}
.cell.changed{box-shadow:inset 0 -5px 0 rgba(255,255,255,.65)}
.identical{background:var(--identical)}.equivalent{background:var(--equivalent)}.different{background:var(--different)}
.inconclusive{background:var(--inconclusive)}.failed{background:var(--failed)}
.legend{list-style:none;padding:0;margin:.5rem 0;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;font-size:.875rem}
.run{display:none;border:1px solid var(--line);border-radius:.5rem;padding:.25rem 1rem 1rem;margin:1rem 0}
.run:target{display:block}
.close{float:right;font-size:.875rem;font-weight:400;padding:.25rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:.5rem 0}dt{color:var(--soft)}dd{margin:0}
code{font:.875em ui-monospace,monospace}
.problem{border-left:4px solid var(--different);padding:.25rem .75rem;margin:.5rem 0}
.paths{padding-left:1.25rem}
summary{cursor:pointer;padding:.25rem 0}
.parts th,.parts td{white-space:nowrap}.parts meter{width:8rem;max-width:25vw}
.risks{padding-left:0;list-style:none}.risks li{margin:.75rem 0}
.risk{display:inline-block;border:1px solid currentcolor;border-radius:.25rem;padding:0 .4rem;font-size:.875rem}
.risk.gone,.risk.changed{color:#fff;background:var(--different)}
@media (max-width:40rem){.grid th[scope=row]{min-width:7.5rem;white-space:normal;overflow-wrap:anywhere;font-size:.875rem;line-height:1.25}.parts{font-size:.875rem}.parts th,.parts td{padding:.25rem}.parts meter{width:3.5rem}
.close{float:none;display:block;padding:.25rem 0}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}body{padding:.75rem}}
@media print{.run{display:block}}
`

/** Arrow keys go from night to night and recipe to recipe, Escape closes a run; without it, links and Tab do the same. */
export const SITE_SCRIPT = `
const rows=[...document.querySelectorAll('.grid tbody tr')].map(row=>[...row.querySelectorAll('td')]);
const at=cell=>{for(const [y,row] of rows.entries()){const x=row.findIndex(td=>td.contains(cell));if(x>=0)return [x,y]}};
const steps={ArrowLeft:[-1,0],ArrowRight:[1,0],ArrowUp:[0,-1],ArrowDown:[0,1]};
let from;
document.addEventListener('keydown',event=>{
if(event.key==='Escape'&&location.hash.startsWith('#run-')){location.hash='#nights';from?.focus();return}
const step=steps[event.key],place=step&&at(document.activeElement);
if(!place||event.altKey||event.ctrlKey||event.metaKey)return;
let [x,y]=place;
for(;;){x+=step[0];y+=step[1];const td=rows[y]?.[x];if(!td)return;const link=td.querySelector('a');
if(link){event.preventDefault();link.focus();return}}
});
addEventListener('hashchange',()=>{const run=location.hash.startsWith('#run-')&&document.getElementById(location.hash.slice(1));
if(run){from=document.querySelector('a[href="'+location.hash+'"]');run.focus()}});
const grid=document.querySelector('.grid');if(grid){const box=grid.parentElement;
box.style.scrollPaddingLeft=grid.querySelector('th').offsetWidth+'px';box.scrollLeft=grid.scrollWidth}
`
