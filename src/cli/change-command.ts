/** The commands that change things: they show a plan, ask, apply it with live progress, and tell how it ended. */
import { hostname } from 'node:os'
import type { Report } from '../apply/event.js'
import { requireHazards } from '../apply/leave.js'
import type { Outcome } from '../apply/transaction.js'
import type { Json } from '../model/value.js'
import type { PlanResult } from '../planner/input.js'
import { maskPlan } from '../planner/mask.js'
import { type Progress, progressOf } from '../report/progress.js'
import { renderTerminal } from '../report/terminal.js'
import { duration } from '../report/text.js'
import { requireComplete, requirePolicy, requireSound } from '../session/require.js'
import { openSession, type Session } from '../session/session.js'
import { InfraCommand } from './base-command.js'
import { approve, control, outcomeErrors, type RunFlags, type Terminal } from './run-plan.js'

export interface ChangeFlags extends RunFlags {
  readonly json: boolean
  readonly var?: string[] | undefined
  readonly 'var-file'?: string[] | undefined
  readonly state?: string | undefined
  readonly parallelism?: number | undefined
  readonly 'lock-timeout'?: number | undefined
}

export abstract class ChangeCommand extends InfraCommand {
  #progress: Progress | undefined
  /** A plan is being carried out: there is progress to show. */
  #running = false

  /** Opens the stack with its lock held, so that nobody else changes it until the session is closed. */
  protected async openLocked(flags: ChangeFlags, path: string): Promise<Session> {
    requireHazards(flags.allow ?? [])
    const report: Report = event => {
      if (event.type === 'plan-started') this.#running = true
      this.#progress?.report({ at: this.ports.clock.now(), ...event })
      const { type, ...details } = event
      this.logEvent(type, details as unknown as Readonly<Record<string, Json>>)
    }
    const session = await openSession({ ...this.sessionInput(flags, path), report })
    this.hide(session.stack.secrets)
    try {
      await this.reading(() => session.lock({ ...this.holder(flags), host: hostname() }))
    } catch (error) {
      await session.close()
      throw error
    }
    return session
  }

  /** Shows the plan, gets leave, applies it and tells how it ended. */
  protected async carryOut(
    session: Session,
    result: PlanResult,
    question: string,
    flags: ChangeFlags,
    began: number,
  ): Promise<void> {
    const terminal = this.#terminal(session, flags.json, this.ports.clock.now() - began)
    const policy = await session.policy(result.plan)
    terminal.show(result, policy)
    requireSound(result)
    requireComplete(result.plan, flags.allow ?? [])
    requirePolicy(policy)
    if (result.plan.steps.length === 0) {
      if (flags.json) this.#tellEnd(undefined, began)
      return
    }
    if (!(await approve(result.plan, question, flags, terminal))) {
      process.stdout.write('Nothing was changed.\n')
      this.exitCode = 1
      return
    }
    // Somebody thought about it: what they saw must still be so.
    const recheck = !flags.yes
    await this.runAndTell(flags, this.ports.clock.now(), () =>
      session.apply(result, this.holder(flags).command, control(flags, terminal), recheck),
    )
  }

  /** Runs something that applies a plan, with progress, and tells how it ended. */
  protected async runAndTell(
    flags: ChangeFlags,
    began: number,
    work: () => Promise<Outcome>,
    wanted: Outcome['result'] = 'applied',
  ): Promise<void> {
    const progress = progressOf({
      form: flags.json ? 'ndjson' : process.stdout.isTTY ? 'live' : 'lines',
      write: text => process.stdout.write(text),
      colour: this.colour,
      width: () => this.width ?? 100,
      now: () => this.ports.clock.now(),
    })
    this.#progress = progress
    const ticking = setInterval(() => this.#running && progress.tick(), 250)
    const stopped = () =>
      progress.report({
        type: 'stopping',
        at: this.ports.clock.now(),
        why: 'asked to; Ctrl-C again is out at once',
      })
    this.stopping.signal.addEventListener('abort', stopped, { once: true })
    let outcome: Outcome
    try {
      outcome = await work()
    } finally {
      clearInterval(ticking)
      this.stopping.signal.removeEventListener('abort', stopped)
      if (this.#running) progress.finish()
      this.#progress = undefined
    }
    if (flags.json) this.#tellEnd(outcome, began)
    else process.stdout.write(`${outcomeLine(outcome, this.ports.clock.now() - began)}\n`)
    const errors = outcomeErrors(outcome, wanted)
    if (errors) throw errors
  }

  /** What asking and failing need of the terminal. */
  protected terminalFor(session: Session, flags: ChangeFlags): Terminal {
    return this.#terminal(session, flags.json, undefined)
  }

  #terminal(session: Session, json: boolean, milliseconds: number | undefined): Terminal {
    const { secrets } = session.stack
    return {
      interactive: this.interactive,
      stopping: this.stopping.signal,
      signal: this.abort.signal,
      show: ({ plan, problems }, policy) => {
        if (json)
          process.stdout.write(`${JSON.stringify({ type: 'plan', plan: maskPlan(plan, { secrets }) })}\n`)
        else if (problems.length === 0 || plan.steps.length > 0) {
          process.stdout.write(
            renderTerminal(plan, {
              colour: this.colour,
              secrets,
              ...(policy && { policy }),
              ...(milliseconds !== undefined && { milliseconds }),
              ...(this.width !== undefined && { width: this.width }),
            }),
          )
        }
      },
      say: line => process.stdout.write(`${line}\n`),
    }
  }

  #tellEnd(outcome: Outcome | undefined, began: number): void {
    const milliseconds = this.ports.clock.now() - began
    const told = outcome
      ? {
          result: outcome.result,
          done: outcome.done,
          serial: outcome.state.serial,
          checkpoint: outcome.checkpoint?.id,
        }
      : { result: 'applied', done: 0 }
    process.stdout.write(`${JSON.stringify({ type: 'end', ...told, milliseconds })}\n`)
  }
}

function outcomeLine(outcome: Outcome, milliseconds: number): string {
  const took = ` in ${duration(milliseconds)}`
  switch (outcome.result) {
    case 'applied':
      return `Applied: ${outcome.checkpoint?.summary || 'nothing changed'}${took}. State serial ${outcome.state.serial}.`
    case 'rolled-back':
      return `Rolled back${took}: everything is as it was before.`
    case 'stopped':
      return `Stopped${took}: ${outcome.checkpoint?.summary ?? ''}. State serial ${outcome.state.serial}.`
    case 'open':
      return `Left open${took}: see below.`
  }
}
