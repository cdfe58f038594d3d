/** How a webhook is signed, so that who gets it knows who sent it, and that it is not an old one sent again. */
import { createHmac } from 'node:crypto'

/** Hex HMAC-SHA256 of `TIMESTAMP.BODY`; the timestamp in seconds since 1970. */
export function signature(secret: string, timestamp: number, body: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
}
