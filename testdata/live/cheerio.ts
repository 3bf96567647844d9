import * as cheerio from 'npm:cheerio@1.0.0';

export default () => {
  const $ = cheerio.load('<ul id="fruits"><li class="apple">Apple</li><li class="pear" data-n="2">Pear &amp; Co</li></ul>');
  $('.apple').addClass('red').after('<li>Plum</li>');
  return {
    texts: $('li').map((_, element) => $(element).text()).get(),
    data: $('.pear').data('n'),
    html: $('#fruits').html(),
    selected: $('li:not(.red):contains("P")').length,
  };
};
