// Before anything is shown: what needs scripts may be.
document.documentElement.classList.add("scripted");
