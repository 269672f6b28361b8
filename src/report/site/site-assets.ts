/** Of this page alone. */
export const SITE_STYLE = `.grid th,.grid td{padding:.15rem;border:0;text-align:center;vertical-align:middle}
.grid th[scope=row],.grid thead th:first-child{position:sticky;left:0;background:var(--ground);text-align:left;padding-right:.75rem;white-space:nowrap}
.grid thead th{font-size:.75rem;font-weight:400;color:var(--soft);white-space:nowrap}
a.cell,.cell.none{display:block;min-width:2.75rem;height:2.75rem;line-height:2.75rem}
.cell.none{border:1px dashed var(--line)}
.cell.changed{box-shadow:inset 0 -5px 0 rgba(255,255,255,.65)}
.run{display:none;border:1px solid var(--line);border-radius:.5rem;padding:.25rem 1rem 1rem;margin:1rem 0}
.run:target{display:block}
.close{float:right;font-size:.875rem;font-weight:400;padding:.25rem}
.parts th,.parts td{white-space:nowrap}.parts meter{width:8rem;max-width:25vw}
.risks{padding-left:0;list-style:none}.risks li{margin:.75rem 0}
.risk{display:inline-block;border:1px solid currentcolor;border-radius:.25rem;padding:0 .4rem;font-size:.875rem}
.risk.gone,.risk.changed{color:#fff;background:var(--different)}
@media (max-width:40rem){.grid th[scope=row]{min-width:7.5rem;white-space:normal;overflow-wrap:anywhere;font-size:.875rem;line-height:1.25}.parts{font-size:.875rem}.parts th,.parts td{padding:.25rem}.parts meter{width:3.5rem}
.close{float:none;display:block;padding:.25rem 0}}
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
