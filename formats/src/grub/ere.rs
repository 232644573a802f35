//! Extended regular expressions for `regexp` (POSIX.1-2024, Base Definitions, chapter 9.4, with `\w`, `\s` and
//! back-references as the GNU library adds them).
//!
//! Of all matches the leftmost counts, and of these the longest. Work is bounded: an expression that would take too
//! long matches nothing.

/// Steps that one match may take.
const STEP_LIMIT: usize = 100_000;

/// Groups of one expression, at most.
const GROUP_LIMIT: usize = 64;

/// Groups and alternatives nest no deeper than this.
const DEPTH_LIMIT: u32 = 50;

/// A match recurses no deeper than this.
const MATCH_DEPTH_LIMIT: u32 = 1000;

/// Repetitions in braces go no higher than this (POSIX's `RE_DUP_MAX`).
const REPEAT_LIMIT: u32 = 255;

#[derive(Clone, Debug)]
enum Node {
    Character(char),
    Any,
    Set { inverted: bool, ranges: Vec<(char, char)> },
    Start,
    End,
    Group(usize, Vec<Vec<Node>>),
    Reference(usize),
    Repeat { node: Box<Node>, least: u32, most: Option<u32> },
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression {
    alternatives: Vec<Vec<Node>>,
    groups: usize,
}

/// The matched texts: the whole, then each group.
pub type Captures = Vec<Option<String>>;

impl Expression {
    /// Compiles an expression; `None` if it is malformed.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let mut parser = Parser { rest: text.chars().collect(), at: 0, groups: 0, depth: 0 };
        let alternatives = parser.alternatives()?;
        (parser.at == parser.rest.len()).then_some(Self { alternatives, groups: parser.groups })
    }

    /// The leftmost, longest match, and the steps that it took to find it or not.
    #[must_use]
    pub fn find(&self, text: &str) -> (Option<Captures>, usize) {
        let text: Vec<char> = text.chars().collect();
        let mut matcher = Matcher { text: &text, steps: 0, depth: 0, best: None };
        for start in 0..=text.len() {
            if matcher.steps > STEP_LIMIT {
                break;
            }
            let groups = vec![None; self.groups.saturating_add(1)];
            for nodes in &self.alternatives {
                matcher.run(&Tail { nodes, then: None }, start, groups.clone());
            }
            if let Some((end, groups)) = matcher.best.take() {
                let piece =
                    |(from, to): (usize, usize)| text.get(from..to).map(|piece| piece.iter().collect());
                let mut captures = vec![piece((start, end))];
                captures.extend(groups.into_iter().skip(1).map(|group| group.and_then(piece)));
                return (Some(captures), matcher.steps);
            }
        }
        (None, matcher.steps)
    }
}

struct Parser {
    rest: Vec<char>,
    at: usize,
    groups: usize,
    depth: u32,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at = self.at.saturating_add(usize::from(c.is_some()));
        c
    }

    fn take(&mut self, c: char) -> bool {
        let there = self.peek() == Some(c);
        self.at = self.at.saturating_add(usize::from(there));
        there
    }

    fn alternatives(&mut self) -> Option<Vec<Vec<Node>>> {
        self.depth = self.depth.checked_add(1).filter(|depth| *depth <= DEPTH_LIMIT)?;
        let mut alternatives = vec![self.branch()?];
        while self.take('|') {
            alternatives.push(self.branch()?);
        }
        self.depth = self.depth.saturating_sub(1);
        Some(alternatives)
    }

    fn branch(&mut self) -> Option<Vec<Node>> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            if c == '|' || (c == ')' && self.depth > 1) {
                break;
            }
            let mut node = self.atom()?;
            while let Some((least, most)) = self.repeat()? {
                node = Node::Repeat { node: Box::new(node), least, most };
            }
            nodes.push(node);
        }
        Some(nodes)
    }

    fn atom(&mut self) -> Option<Node> {
        Some(match self.next()? {
            '.' => Node::Any,
            '^' => Node::Start,
            '$' => Node::End,
            '[' => self.set()?,
            '(' => {
                self.groups = self.groups.checked_add(1).filter(|groups| *groups <= GROUP_LIMIT)?;
                let group = self.groups;
                let alternatives = self.alternatives()?;
                if !self.take(')') {
                    return None;
                }
                Node::Group(group, alternatives)
            }
            '\\' => match self.next()? {
                'w' => word(false),
                'W' => word(true),
                's' => Node::Set { inverted: false, ranges: SPACE.to_vec() },
                'S' => Node::Set { inverted: true, ranges: SPACE.to_vec() },
                '`' => Node::Start,
                '\'' => Node::End,
                c @ '1'..='9' => {
                    let group = usize::try_from(c.to_digit(10)?).ok()?;
                    if group > self.groups {
                        return None;
                    }
                    Node::Reference(group)
                }
                c => Node::Character(c),
            },
            c => Node::Character(c),
        })
    }

    /// The repetition after an atom; the outer `None` is an error.
    #[expect(clippy::option_option, reason = "no repetition and a malformed one are two things")]
    fn repeat(&mut self) -> Option<Option<(u32, Option<u32>)>> {
        let range = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let start = self.at;
                self.next();
                let Some(range) = self.braces() else {
                    // A brace that counts nothing stands for itself.
                    self.at = start;
                    return Some(None);
                };
                return (range.0 <= REPEAT_LIMIT && range.1.is_none_or(|most| most <= REPEAT_LIMIT))
                    .then_some(Some(range));
            }
            _ => return Some(None),
        };
        self.next();
        Some(Some(range))
    }

    fn braces(&mut self) -> Option<(u32, Option<u32>)> {
        let least = self.number();
        let range = if self.take(',') { (least.unwrap_or(0), self.number()) } else { (least?, least) };
        self.take('}').then_some(range)
    }

    fn number(&mut self) -> Option<u32> {
        let mut number: Option<u32> = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            self.next();
        }
        number
    }

    fn set(&mut self) -> Option<Node> {
        let inverted = self.take('^');
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            let c = self.next()?;
            if c == ']' && !first {
                return Some(Node::Set { inverted, ranges });
            }
            first = false;
            if c == '[' && self.take(':') {
                ranges.extend_from_slice(self.class()?);
                continue;
            }
            let range = self.peek() == Some('-') && self.rest.get(self.at.saturating_add(1)) != Some(&']');
            if range {
                self.next();
                ranges.push((c, self.next()?));
            } else {
                ranges.push((c, c));
            }
        }
    }

    fn class(&mut self) -> Option<&'static [(char, char)]> {
        let mut name = String::new();
        while let Some(c) = self.next().filter(|c| *c != ':') {
            name.push(c);
        }
        let class = CLASSES.iter().find(|(it, _)| *it == name).map(|(_, ranges)| *ranges)?;
        self.take(']').then_some(class)
    }
}

const SPACE: &[(char, char)] = &[(' ', ' '), ('\t', '\r')];

const CLASSES: [(&str, &[(char, char)]); 12] = [
    ("alpha", &[('a', 'z'), ('A', 'Z')]),
    ("digit", &[('0', '9')]),
    ("alnum", &[('a', 'z'), ('A', 'Z'), ('0', '9')]),
    ("upper", &[('A', 'Z')]),
    ("lower", &[('a', 'z')]),
    ("space", SPACE),
    ("blank", &[(' ', ' '), ('\t', '\t')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("print", &[(' ', '~')]),
    ("graph", &[('!', '~')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("xdigit", &[('0', '9'), ('a', 'f'), ('A', 'F')]),
];

fn word(inverted: bool) -> Node {
    Node::Set { inverted, ranges: vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')] }
}

/// The nodes that must still match after a place.
#[derive(Clone, Copy)]
struct Tail<'n> {
    nodes: &'n [Node],
    then: Option<&'n After<'n>>,
}

/// The nodes after the end of a list of nodes.
struct After<'n> {
    /// A group that ends here, and where it began.
    group: Option<(usize, usize)>,
    /// A repetition that may go on: node, turns done, and the place where this turn began.
    repeat: Option<(&'n Node, u32, usize)>,
    tail: Tail<'n>,
}

/// Steps that it takes to compare one character.
fn cost(node: &Node) -> usize {
    if let Node::Set { ranges, .. } = node { ranges.len().max(1) } else { 1 }
}

type Groups = Vec<Option<(usize, usize)>>;

struct Matcher<'t> {
    text: &'t [char],
    steps: usize,
    depth: u32,
    best: Option<(usize, Groups)>,
}

impl Matcher<'_> {
    fn run(&mut self, tail: &Tail<'_>, at: usize, groups: Groups) {
        self.depth = self.depth.saturating_add(1);
        self.steps = self.steps.saturating_add(1);
        if self.depth <= MATCH_DEPTH_LIMIT && self.steps <= STEP_LIMIT {
            self.walk(*tail, at, groups);
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn walk(&mut self, mut tail: Tail<'_>, mut at: usize, groups: Groups) {
        while let Some((node, rest)) = tail.nodes.split_first() {
            self.steps = self.steps.saturating_add(cost(node));
            if self.steps > STEP_LIMIT {
                return;
            }
            tail.nodes = rest;
            match node {
                Node::Character(_) | Node::Any | Node::Set { .. } => {
                    if !self.is_match(node, at) {
                        return;
                    }
                    at = at.saturating_add(1);
                }
                Node::Start if at == 0 => {}
                Node::End if at == self.text.len() => {}
                Node::Start | Node::End => return,
                Node::Reference(group) => {
                    let Some((from, to)) = groups.get(*group).copied().flatten() else { return };
                    let piece = self.text.get(from..to).unwrap_or_default();
                    if !self.text.get(at..).is_some_and(|text| text.starts_with(piece)) {
                        return;
                    }
                    at = at.saturating_add(piece.len());
                }
                Node::Group(group, alternatives) => {
                    let after = After { group: Some((*group, at)), repeat: None, tail };
                    for nodes in alternatives {
                        self.run(&Tail { nodes, then: Some(&after) }, at, groups.clone());
                    }
                    return;
                }
                Node::Repeat { .. } => return self.repeat(node, 0, at, &tail, groups),
            }
        }
        self.end(tail.then, at, groups);
    }

    /// Whether one character matches a node that takes just one.
    fn is_match(&self, node: &Node, at: usize) -> bool {
        self.text.get(at).is_some_and(|c| match node {
            Node::Character(it) => it == c,
            Node::Any => true,
            Node::Set { inverted, ranges } => {
                ranges.iter().any(|(from, to)| (from..=to).contains(&c)) != *inverted
            }
            _ => false,
        })
    }

    fn repeat(&mut self, node: &Node, done: u32, at: usize, rest: &Tail<'_>, groups: Groups) {
        let Node::Repeat { node: inner, least, most } = node else { return };
        if matches!(**inner, Node::Character(_) | Node::Any | Node::Set { .. }) {
            let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
            let least = usize::try_from(*least).unwrap_or(usize::MAX);
            let cost = cost(inner);
            let most = most
                .min(STEP_LIMIT.saturating_sub(self.steps).checked_div(cost).unwrap_or(0).saturating_add(1));
            let count = (at..self.text.len()).take(most).take_while(|at| self.is_match(inner, *at)).count();
            self.steps = self.steps.saturating_add(count.saturating_mul(cost));
            for count in (least..=count).rev() {
                self.run(rest, at.saturating_add(count), groups.clone());
            }
            return;
        }
        if most.is_none_or(|most| done < most) {
            let after = After { group: None, repeat: Some((node, done.saturating_add(1), at)), tail: *rest };
            let nodes = std::slice::from_ref(&**inner);
            self.run(&Tail { nodes, then: Some(&after) }, at, groups.clone());
        }
        if done >= *least {
            self.run(rest, at, groups);
        }
    }

    fn end(&mut self, after: Option<&After<'_>>, at: usize, mut groups: Groups) {
        let Some(after) = after else {
            if self.best.as_ref().is_none_or(|(end, _)| at > *end) {
                self.best = Some((at, groups));
            }
            return;
        };
        if let Some((group, from)) = after.group
            && let Some(slot) = groups.get_mut(group)
        {
            *slot = Some((from, at));
        }
        match after.repeat {
            // A turn that matched nothing is the last.
            Some((_, _, from)) if from == at => self.run(&after.tail, at, groups),
            Some((node, done, _)) => self.repeat(node, done, at, &after.tail, groups),
            None => self.run(&after.tail, at, groups),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // As regexp of grub-emu 2.06 answers.
    #[test]
    fn the_leftmost_longest_match_counts() {
        let cases: [(&str, &str, Option<&[&str]>); 12] = [
            (r"([0-9]+)\.([0-9]+)", "ab12.34", Some(&["12.34", "12", "34"])),
            ("^(.*)\\.(.*)$", "ab12.34", Some(&["ab12.34", "ab12", "34"])),
            ("x", "abc", None),
            ("^a{2,3}$", "aaa", Some(&["aaa"])),
            ("[[:digit:]]+$", "a12", Some(&["12"])),
            (r"a\.b", "a.b", Some(&["a.b"])),
            ("a+?", "a.b", Some(&["a"])),
            (r"\w+", "-ab_1-", Some(&["ab_1"])),
            (r"(a)\1", "aa", Some(&["aa", "a"])),
            ("A", "a", None),
            ("a|ab", "abc", Some(&["ab"])),
            ("[]a-]+", "x-]a", Some(&["-]a"])),
        ];
        for (expression, text, expected) in cases {
            let found = Expression::new(expression).unwrap().find(text).0;
            let expected =
                expected.map(|groups| groups.iter().map(|&group| Some(group.to_owned())).collect::<Vec<_>>());
            assert_eq!(found, expected, "{expression}");
        }
        for malformed in ["(", "[a", "a{300}"] {
            assert!(Expression::new(malformed).is_none(), "{malformed}");
        }
    }

    #[test]
    fn an_expression_made_to_take_for_ever_ends() {
        let classes = format!("[{}]*b", "ab".repeat(50_000));
        for (expression, length) in [
            ("(a*)*(a*)*(a*)*b", 1000),
            ("(a|aa)*b", 36),
            ("a*", 200_000),
            ("a*b", 200_000),
            (&classes, 1000),
        ] {
            let (_, steps) = Expression::new(expression).unwrap().find(&"a".repeat(length));
            // The last steps may be long ones.
            assert!(steps <= 6 * STEP_LIMIT, "{length}: {steps}");
        }
        assert!(Expression::new(&"()".repeat(GROUP_LIMIT + 1)).is_none());
    }
}
