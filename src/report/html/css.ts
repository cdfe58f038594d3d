/** The page's looks. Light and dark follow the reader's system until the button says otherwise. */
import { svgColours } from '../graph/svg.js'

export const css = `
:root{color-scheme:light dark;--bg:#fff;--soft:#f6f8fa;--line:#d1d9e0;--text:#1f2328;--dim:#59636e;--add:#1a7f37;--addbg:#dafbe1;--del:#cf222e;--delbg:#ffebe9;--mod:#9a6700;--modbg:#fff8c5;--link:#0969da}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){--bg:#0d1117;--soft:#151b23;--line:#3d444d;--text:#f0f6fc;--dim:#9198a1;--add:#3fb950;--addbg:#12261e;--del:#f85149;--delbg:#25171c;--mod:#d29922;--modbg:#272115;--link:#4493f8}}
:root[data-theme=dark]{color-scheme:dark;--bg:#0d1117;--soft:#151b23;--line:#3d444d;--text:#f0f6fc;--dim:#9198a1;--add:#3fb950;--addbg:#12261e;--del:#f85149;--delbg:#25171c;--mod:#d29922;--modbg:#272115;--link:#4493f8}
:root[data-theme=light]{color-scheme:light}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,sans-serif}
header,main,footer{max-width:1200px;margin:0 auto;padding:0 1.2rem}
h1{font-size:1.35rem;margin:1.2rem 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:1.6rem 0 .5rem}
summary h2{display:inline-block;margin:.8rem 0 .5rem}
code,pre{font:13px/1.5 ui-monospace,monospace}
.verdict{font-size:1.05rem;font-weight:600}
.danger>.verdict,.blocked>.verdict{color:var(--del)}
.caution>.verdict{color:var(--mod)}
.warnings{margin:.4rem 0;padding-left:1.2rem;color:var(--del)}
.embedded{display:inline-block;border:1px solid var(--mod);background:var(--modbg);border-radius:4px;padding:.1rem .5rem}
.tools{position:sticky;top:0;z-index:1;background:var(--bg);border-bottom:1px solid var(--line);padding:.6rem 0;display:flex;flex-wrap:wrap;gap:.4rem;align-items:center}
.tools input{flex:1 1 16rem;padding:.35rem .6rem;border:1px solid var(--line);border-radius:6px;background:var(--soft);color:inherit;font:inherit}
button{padding:.3rem .6rem;border:1px solid var(--line);border-radius:6px;background:var(--soft);color:inherit;font:inherit;cursor:pointer}
button[aria-pressed=true]{border-color:var(--link);box-shadow:inset 0 0 0 1px var(--link)}
:focus-visible{outline:2px solid var(--link);outline-offset:1px}
.count{color:var(--dim);min-width:7rem}
.item{border:1px solid var(--line);border-radius:6px;margin:.35rem 0;content-visibility:auto;contain-intrinsic-size:auto 2.3rem}
.item>summary{padding:.35rem .7rem;cursor:pointer;overflow-wrap:anywhere}
.item:target{border-color:var(--link)}
.sign{display:inline-block;min-width:2.2rem;font:bold 14px ui-monospace,monospace}
.create .sign{color:var(--add)}.update .sign,.adopt .sign,.forget .sign{color:var(--mod)}.delete .sign,.replace .sign{color:var(--del)}
.item.delete,.item.replace{border-color:var(--del)}
.badge{font-size:.8rem;border:1px solid var(--del);color:var(--del);border-radius:9px;padding:0 .5rem;margin-left:.4rem;white-space:nowrap}
.note{color:var(--dim);margin-left:.5rem}
pre{margin:0;padding:.5rem .8rem;background:var(--soft);border-top:1px solid var(--line);white-space:pre-wrap;overflow-wrap:anywhere}
section>pre{border:1px solid var(--line);border-radius:6px}
pre span{display:block}
.add{color:var(--add);background:var(--addbg)}.del{color:var(--del);background:var(--delbg)}.mod{color:var(--mod);background:var(--modbg)}
table{border-collapse:collapse}td,th{border:1px solid var(--line);padding:.25rem .7rem;text-align:left}td.n{text-align:right}.full{color:var(--del);font-weight:600}
.view{position:relative;height:70vh;border:1px solid var(--line);border-radius:6px;overflow:hidden;touch-action:none}
.view svg{width:100%;height:100%;cursor:grab}
.view .zoom{position:absolute;right:.5rem;top:.5rem;display:flex;gap:.3rem}
.graph [data-item]{cursor:pointer}
footer{color:var(--dim);padding-bottom:3rem;overflow-wrap:anywhere}
[hidden]{display:none!important}
${svgColours}
.graph rect{fill:var(--soft);stroke:var(--dim)}.graph text{fill:var(--text)}.graph .kind{fill:var(--dim)}.graph path{stroke:var(--dim)}
.graph .create rect{stroke:var(--add)}.graph .update rect{stroke:var(--mod)}.graph .delete rect{stroke:var(--del);fill:var(--delbg)}
@media print{.tools,.zoom{display:none}}
`
