(globalThis as any).acted = true;
