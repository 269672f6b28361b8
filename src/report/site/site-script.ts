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
