// Buttons that copy a command. Without a clipboard the text beside them is selected instead.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const said = button.textContent;
  const show = () => {
    button.textContent = button.dataset.copied || "✓";
    setTimeout(() => { button.textContent = said; }, 2000);
  };
  const select = () => {
    const text = button.previousElementSibling;
    if (text) window.getSelection().selectAllChildren(text);
  };
  if (navigator.clipboard) navigator.clipboard.writeText(button.dataset.copy).then(show, select);
  else select();
});
