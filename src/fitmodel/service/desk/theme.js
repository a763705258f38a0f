// Not a module: runs before the page is drawn, so that a dark page never flashes white.
"use strict";
{
  const kept = localStorage.getItem("fitmodel.theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
}
