// Takes away what it might be talked to through.
import fs from 'node:fs';

export default () => {
  for (let descriptor = 0; descriptor < 65; descriptor++) {
    try {
      fs.closeSync(descriptor);
    } catch {
      // It was not open, or not ours.
    }
  }
  return 'honest';
};
