// Looks whether the wait is over, and then loads the window anew.
const { waiting } = document.querySelector("main").dataset;

setInterval(async () => {
  const answer = await fetch("waiting");
  if ((await answer.text()) !== waiting) location.reload();
}, 1000);
