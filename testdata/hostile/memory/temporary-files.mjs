// More files than /tmp may hold, each empty, and all of them open.
import fs from 'node:fs';

export default () => {
  try {
    for (let number = 0; ; number++) fs.openSync(`/tmp/${'n'.repeat(200)}${number}`, 'w');
  } catch (error) {
    return error.code;
  }
};
