// Numbers that a just-in-time compiler is busy with, between timers.
let sum = 0, round = 0;
function median(count) {
  const values = [];
  for (let i = 0; i < count; i++) values.push(Math.imul(i, 2654435761) >>> 0);
  values.sort((a, b) => a - b);
  return values[count >> 1];
}
const timer = setInterval(() => {
  for (let i = 0; i < 4; i++) sum = (sum + median(20000 + round)) >>> 0;
  console.log(round, sum);
  if (++round == 40) clearInterval(timer);
}, 5);
