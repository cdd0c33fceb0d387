/** Lets one run per key go at a time in this process; whoever comes meanwhile makes it go round once more. */
export class OneAtATime {
  private readonly running = new Map<string, { again: boolean }>();

  /**
   * Runs `round`, and again while somebody came during the last one and it answers that it may. False: another run was told.
   * What happens after it is no part of the run: who comes then starts one of their own.
   */
  async run(key: string, round: () => Promise<boolean>): Promise<boolean> {
    const already = this.running.get(key);
    if (already) {
      already.again = true;
      return false;
    }
    const turn = { again: false };
    this.running.set(key, turn);
    try {
      let may: boolean;
      do {
        turn.again = false;
        may = await round();
      } while (turn.again && may);
    } finally {
      this.running.delete(key);
    }
    return true;
  }
}
