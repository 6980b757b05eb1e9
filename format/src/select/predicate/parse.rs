//! Text to tree: what a condition says, before anybody asks whether the table has such columns.

use crate::error::{Error, Result};

/// Nesting beyond this is refused.
const DEPTH: usize = 64;

/// A condition as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// Both.
    And(Box<Condition>, Box<Condition>),
    /// At least one.
    Or(Box<Condition>, Box<Condition>),
    /// The opposite.
    Not(Box<Condition>),
    /// A field against a literal.
    Compare(Vec<String>, Comparison, Literal),
    /// A field equal to one of several literals.
    In(Vec<String>, Vec<Literal>),
    /// A text field against a pattern.
    Like(Vec<String>, String),
    /// A field without a value.
    IsNull(Vec<String>),
    /// A boolean field.
    IsTrue(Vec<String>),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    /// A number or `true`, `false`: JSON as it stands.
    Plain(String),
    /// A text in quotes, without them.
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A keyword, or a name that is not quoted.
    Word(String),
    /// A name in double quotes.
    Name(String),
    Text(String),
    Number(String),
    Symbol(&'static str),
}

/// Reads a whole condition.
pub(super) fn parse(text: &str) -> Result<Condition> {
    let mut parser = Parser { tokens: tokens(text)?, position: 0 };
    let condition = parser.any(0)?;
    match parser.peek() {
        None => Ok(condition),
        Some(_) => Err(parser.expected("`and`, `or` or the end")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.position).cloned();
        self.position += 1;
        token
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.position += usize::from(is_it);
        is_it
    }

    fn takes_symbol(&mut self, symbol: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol);
        self.position += usize::from(is_it);
        is_it
    }

    fn needs_symbol(&mut self, symbol: &str) -> Result<()> {
        if self.takes_symbol(symbol) { Ok(()) } else { Err(self.expected(&format!("`{symbol}`"))) }
    }

    fn expected(&self, what: &str) -> Error {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(Token::Word(text) | Token::Number(text)) => format!("`{text}`"),
            Some(Token::Name(text)) => format!("{text:?}"),
            Some(Token::Text(text)) => format!("'{text}'"),
            Some(Token::Symbol(symbol)) => format!("`{symbol}`"),
        };
        Error::bad_request(format!("condition: expected {what}, found {found}"))
    }

    fn any(&mut self, depth: usize) -> Result<Condition> {
        let mut left = self.all(depth)?;
        while self.takes_word("or") {
            left = Condition::Or(Box::new(left), Box::new(self.all(depth)?));
        }
        Ok(left)
    }

    fn all(&mut self, depth: usize) -> Result<Condition> {
        let mut left = self.one(depth)?;
        while self.takes_word("and") {
            left = Condition::And(Box::new(left), Box::new(self.one(depth)?));
        }
        Ok(left)
    }

    fn one(&mut self, depth: usize) -> Result<Condition> {
        if depth > DEPTH {
            return Err(Error::bad_request(format!("condition: nested deeper than {DEPTH}")));
        }
        if self.takes_word("not") {
            return Ok(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.takes_symbol("(") {
            let inner = self.any(depth + 1)?;
            self.needs_symbol(")")?;
            return Ok(inner);
        }
        self.test()
    }

    fn test(&mut self) -> Result<Condition> {
        let path = self.path()?;
        if self.takes_word("is") {
            let negated = self.takes_word("not");
            if !self.takes_word("null") {
                return Err(self.expected("`null`"));
            }
            return Ok(negate(Condition::IsNull(path), negated));
        }
        let negated = self.takes_word("not");
        if self.takes_word("in") {
            return Ok(negate(Condition::In(path, self.literals()?), negated));
        }
        if self.takes_word("like") {
            return match self.next() {
                Some(Token::Text(pattern)) => Ok(negate(Condition::Like(path, pattern), negated)),
                _ => {
                    self.position -= 1;
                    Err(self.expected("a pattern in single quotes"))
                }
            };
        }
        if negated {
            return Err(self.expected("`in` or `like`"));
        }
        match self.comparison() {
            Some(comparison) => Ok(Condition::Compare(path, comparison, self.literal()?)),
            None => Ok(Condition::IsTrue(path)),
        }
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let Some(Token::Symbol(symbol)) = self.peek() else { return None };
        let comparison = match *symbol {
            "=" | "==" => Comparison::Equal,
            "!=" | "<>" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.position += 1;
        Some(comparison)
    }

    fn path(&mut self) -> Result<Vec<String>> {
        let mut path = Vec::new();
        loop {
            match self.next() {
                Some(Token::Word(name) | Token::Name(name)) => path.push(name),
                _ => {
                    self.position -= 1;
                    return Err(self.expected("a column"));
                }
            }
            if !self.takes_symbol(".") {
                return Ok(path);
            }
        }
    }

    fn literals(&mut self) -> Result<Vec<Literal>> {
        self.needs_symbol("(")?;
        let mut literals = vec![self.literal()?];
        while self.takes_symbol(",") {
            literals.push(self.literal()?);
        }
        self.needs_symbol(")")?;
        Ok(literals)
    }

    fn literal(&mut self) -> Result<Literal> {
        match self.next() {
            Some(Token::Number(number)) => Ok(Literal::Plain(number)),
            Some(Token::Text(text)) => Ok(Literal::Text(text)),
            Some(Token::Word(word))
                if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") =>
            {
                Ok(Literal::Plain(word.to_ascii_lowercase()))
            }
            _ => {
                self.position -= 1;
                Err(self.expected("a number, 'text', true or false"))
            }
        }
    }
}

fn negate(condition: Condition, negated: bool) -> Condition {
    if negated { Condition::Not(Box::new(condition)) } else { condition }
}

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '\'' => quoted(rest, '\'').map(|(text, after)| (Token::Text(text), after))?,
            '"' => quoted(rest, '"').map(|(text, after)| (Token::Name(text), after))?,
            '0'..='9' | '-' | '+' => number(rest),
            _ if is_word(first) => {
                let (word, after) = split_while(rest, is_word);
                (Token::Word(word.to_owned()), after)
            }
            _ => symbol(rest)?,
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

fn number(text: &str) -> (Token, &str) {
    let mut previous = ' ';
    let (number, after) = split_while(text, |character| {
        let is_sign = matches!(character, '+' | '-') && matches!(previous, ' ' | 'e' | 'E');
        previous = character;
        is_sign || character.is_ascii_digit() || matches!(character, '.' | 'e' | 'E')
    });
    (Token::Number(number.trim_start_matches('+').to_owned()), after)
}

/// The text between quotes, where two quotes stand for one, and what follows.
fn quoted(text: &str, quote: char) -> Result<(String, &str)> {
    let mut inside = String::new();
    let mut rest = text.strip_prefix(quote).unwrap_or(text);
    loop {
        let Some((before, after)) = rest.split_once(quote) else {
            return Err(Error::bad_request(format!("condition: {text} has no closing {quote}")));
        };
        inside.push_str(before);
        match after.strip_prefix(quote) {
            Some(more) => {
                inside.push(quote);
                rest = more;
            }
            None => return Ok((inside, after)),
        }
    }
}

fn symbol(text: &str) -> Result<(Token, &str)> {
    const SYMBOLS: [&str; 12] = ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "."];
    let found = SYMBOLS.iter().find_map(|symbol| Some((Token::Symbol(symbol), text.strip_prefix(symbol)?)));
    found.ok_or_else(|| {
        let character: String = text.chars().take(1).collect();
        Error::bad_request(format!("condition: `{character}` means nothing"))
    })
}

fn split_while(text: &str, mut wanted: impl FnMut(char) -> bool) -> (&str, &str) {
    let end = text.find(|character| !wanted(character)).unwrap_or(text.len());
    text.split_at(end)
}
