// Asking before something that cannot be undone.

import { byId } from './dom.js';

/** Resolves to whether the person agrees. Escape is no. */
export function confirm({ title, text = '', yes }) {
  const node = byId('confirm');
  byId('confirm-title').textContent = title;
  byId('confirm-text').textContent = text;
  byId('confirm-yes').textContent = yes;
  return new Promise((resolve) => {
    node.returnValue = 'no';
    byId('confirm-yes').onclick = () => node.close('yes');
    byId('confirm-no').onclick = () => node.close('no');
    node.onclose = () => resolve(node.returnValue === 'yes');
    node.showModal();
    byId('confirm-no').focus();
  });
}
