/*
 * Browsers that translate a page put other nodes in the place of its texts. React would fail once it removes such a text or
 * inserts something before it, and the whole page with it. See https://github.com/facebook/react/issues/11538.
 */
const { removeChild, insertBefore } = Node.prototype;

Node.prototype.removeChild = function <T extends Node>(child: T): T {
  return child.parentNode === this ? (removeChild.call(this, child) as T) : child;
};

Node.prototype.insertBefore = function <T extends Node>(node: T, next: Node | null): T {
  return insertBefore.call(this, node, next?.parentNode === this ? next : null) as T;
};
