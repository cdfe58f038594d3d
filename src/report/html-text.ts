/** Foreign text in HTML and XML. */
import { visible } from './text.js'

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for an element or a quoted attribute. */
export function html(text: string): string {
  return visible(text).replace(/[&<>"']/g, character => entities[character] ?? '')
}
