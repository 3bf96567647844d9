require('fs').writeFileSync(require('path').join(process.env.HOME, 'install-script-ran'), 'yes');
