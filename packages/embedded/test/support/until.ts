/** Waits for a condition; the bound only turns a hang into a message. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, seconds = 40): Promise<void> {
  for (let waited = 0; !(await condition()); waited += 20) {
    if (waited > seconds * 1000) throw new Error(`waited in vain: ${what}`);
    await new Promise((settle) => setTimeout(settle, 20));
  }
}
